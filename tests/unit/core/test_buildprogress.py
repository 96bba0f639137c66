"""BuildKit's progress events: what a person hears, and what a failure says."""

import base64
import json

from envid.core.buildprogress import BuildProgress


def event(**parts: object) -> str:
    return json.dumps(parts)


def vertex(digest: str, name: str, **more: object) -> dict[str, object]:
    return {"digest": digest, "name": name, **more}


def log(digest: str, text: str) -> dict[str, object]:
    return {"vertex": digest, "data": base64.b64encode(text.encode()).decode()}


def test_a_step_is_told_once_when_it_is_done() -> None:
    progress = BuildProgress()
    assert progress.feed(event(vertexes=[vertex("a", "[1/2] RUN true", started="t")])) == []
    done = event(vertexes=[vertex("a", "[1/2] RUN true", completed="t")])
    assert progress.feed(done) == ["done  [1/2] RUN true"]
    assert progress.feed(done) == []
    assert progress.executed == 1


def test_a_cached_step_did_not_run() -> None:
    progress = BuildProgress()
    assert progress.feed(event(vertexes=[vertex("a", "[1/1] RUN x", completed="t", cached=True)])) == [
        "cached  [1/1] RUN x"
    ]
    assert progress.executed == 0


def test_buildkits_own_housekeeping_is_not_told() -> None:
    progress = BuildProgress()
    assert progress.feed(event(vertexes=[vertex("a", "[internal] load context", completed="t")])) == []


def test_a_long_step_is_cut_to_one_line() -> None:
    progress = BuildProgress()
    (line,) = progress.feed(event(vertexes=[vertex("a", "[1/1] RUN a \\\n   " + "b" * 300, completed="t")]))
    assert "\n" not in line
    assert len(line) < 110


def test_mounts_do_not_hide_the_command() -> None:
    line = event(
        vertexes=[vertex("a", "[1/1] RUN --mount=type=cache,target=/c --mount=type=secret,id=ca make", completed="t")]
    )
    assert BuildProgress().feed(line) == ["done  [1/1] RUN make"]


def test_the_failed_step_speaks_with_the_end_of_its_output() -> None:
    progress = BuildProgress()
    progress.feed(event(vertexes=[vertex("a", "[2/2] RUN make"), vertex("b", "[1/2] RUN other")]))
    progress.feed(event(logs=[log("a", "no rule\nto make x\n"), log("unknown", "never shown")]))
    progress.feed(event(vertexes=[vertex("b", "[1/2] RUN other", error="context canceled", completed="t")]))
    progress.feed(event(vertexes=[vertex("a", "[2/2] RUN make", error="exit code: 2", completed="t")]))
    assert progress.failure == "[2/2] RUN make: exit code: 2\nno rule\nto make x"


def test_without_a_failed_step_buildctl_speaks_itself() -> None:
    progress = BuildProgress()
    progress.feed("error: could not connect to unix:///nowhere\n")
    assert progress.failure == "error: could not connect to unix:///nowhere"


def test_noise_is_survived() -> None:
    progress = BuildProgress()
    for line in (
        "",
        "[]",
        "null",
        '{"vertexes": 3}',
        '{"logs": [{"vertex": "a", "data": "!"}]}',
        '{"vertexes": [null]}',
    ):
        assert progress.feed(line) == []
