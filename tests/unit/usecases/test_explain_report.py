"""The builds that the catalog's history knows, read from a simulated GitOps branch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envid.core.catalog import CatalogEntry, catalog_bytes, empty_catalog
from envid.core.values import CommitId
from envid.usecases.report import catalog_builds
from tests.support.builders import LANE, commit_id, digest, entry_of, wanted_of


@dataclass
class Branch:
    """A branch whose catalog had ``contents``, newest first."""

    contents: list[bytes]

    def tip(self) -> CommitId | None:
        return commit_id(1) if self.contents else None

    def versions(self, tip: CommitId, path: str, *, limit: int) -> Iterable[bytes]:
        assert (tip, path) == (commit_id(1), LANE.catalog_path)
        return self.contents[:limit]


def catalog(*entries: CatalogEntry) -> bytes:
    return catalog_bytes(empty_catalog(LANE).with_entries({entry.service_id: entry for entry in entries}))


def test_a_build_that_was_reused_ever_since_counts_once() -> None:
    first = entry_of(wanted_of(), image=digest(1), commit=commit_id(2))
    reused = first.model_copy(update={"status": "reused", "source_commit": commit_id(3)})
    second = entry_of(wanted_of(lock=b"{ }\n"), image=digest(2), commit=commit_id(4))
    branch = Branch([catalog(second), catalog(reused), catalog(first), catalog()])
    builds = catalog_builds(branch, LANE, lambda entry: 7 if entry.digest == digest(2) else None)
    assert {(build.digest, build.commit, build.size, build.seconds) for build in builds} == {
        (digest(1), commit_id(2), None, 9.0),
        (digest(2), commit_id(4), 7, 9.0),
    }


def test_a_catalog_that_was_broken_once_hides_nothing_else() -> None:
    entry = entry_of(wanted_of(), image=digest(1), commit=commit_id(2))
    assert len(catalog_builds(Branch([b"{ broken", catalog(entry)]), LANE, lambda _: None)) == 1


def test_a_lane_without_a_branch_has_no_builds() -> None:
    assert catalog_builds(Branch([]), LANE, lambda _: None) == ()
