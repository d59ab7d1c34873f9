"""The recipe "Add a kind of destination" of CONTRIBUTING.md, followed step by step in a copy of the checkout."""

from pathlib import Path

import pytest

from tests.docs.recipes import copy_checkout, follow, run, run_tests, steps

TITLE = "Add a kind of destination"
SHOAL = "import sys; from app.cli.main import main; sys.exit(main(sys.argv[1:]))"
LAKE = "destination: lake\nkind: lines\nfolder: /var/changes\nbatch: {changes: 500, wait: 10s}\n"


def test_the_recipe_touches_one_file_of_the_product() -> None:
    files = [step["new"] or step["file"] for step in steps(TITLE)]
    assert files == ["app/destinations/kinds/lines.py", "tests/destinations/test_lines.py", "docs/destinations.md"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_kind_that_is_added_by_the_recipe_is_known_everywhere(tmp_path: Path) -> None:
    copy = copy_checkout(tmp_path / "copy")
    folder = copy / "own"
    folder.mkdir()
    (folder / "lake.yaml").write_text(LAKE)
    check = ("-c", SHOAL, "destinations", "check", str(folder))
    before = run(copy, *check)
    assert before.returncode != 0
    assert "there is no kind of destination lines" in before.stderr
    assert "kinds are audience and http" in before.stderr
    assert run_tests(copy, "tests/docs/test_destination_kinds.py").returncode == 0
    *code, docs = steps(TITLE)
    for step in code:
        follow(copy, step)
    assert run_tests(copy, "tests/docs/test_destination_kinds.py").returncode == 1, "the page lacks a row"
    follow(copy, docs)
    after = run(copy, *check)
    assert after.returncode == 0, after.stderr
    assert "a line of a file in /var/changes" in after.stdout
    (folder / "lake.yaml").write_text(LAKE.replace("lines", "liens"))
    assert "kinds are audience, http and lines" in run(copy, *check).stderr
    done = run_tests(copy, "tests/destinations/test_lines.py", "tests/docs/test_destination_kinds.py")
    assert done.returncode == 0, done.stdout[-3_000:]
    typed = run(copy, "-m", "mypy", "app/destinations", "tests/destinations/test_lines.py")
    assert typed.returncode == 0, typed.stdout
