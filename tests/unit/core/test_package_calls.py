from pathlib import Path

import pytest

from envid.core.package_calls import stray_installs


@pytest.mark.parametrize(
    ("run", "named"),
    [
        ("apt-get install -y jq", "jq"),
        ("apt-get update && apt-get -qq install --yes jq curl && rm -rf /x", "jq, curl"),
        ("/usr/bin/apt install jq", "jq"),
        ("apt-get \\\n    install \\\n    jq", "jq"),
        ("apt-get \\\n  # why\n  install jq", "jq"),
        ("apt-get upgrade -y", "packages"),
        ("dpkg -i ./jq.deb", "./jq.deb"),
        ("dpkg --force-all --install jq.deb", "jq.deb"),
    ],
)
def test_an_install_outside_the_lock_is_named_with_its_line(run: str, named: str) -> None:
    (fault,) = stray_installs(f"FROM scratch\n# apt-get install commented\nRUN {run}\n")
    assert fault.where == "Containerfile:3"
    assert f"installs {named} outside" in fault.problem


@pytest.mark.parametrize(
    "run",
    [
        "sh /mnt/install-packages.sh install a b",
        "bun install --frozen-lockfile",
        "dpkg --print-architecture",
        "dpkg-query -W",
        "apt-get clean",
        "install -d /opt",
    ],
)
def test_other_commands_pass(run: str) -> None:
    assert list(stray_installs(f"FROM scratch\nRUN {run}\n")) == []


def test_this_repositorys_containerfile_installs_by_the_lock_only() -> None:
    text = (Path(__file__).parents[3] / "Containerfile").read_text()
    assert "install-packages.sh install" in text
    assert list(stray_installs(text)) == []
