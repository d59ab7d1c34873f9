"""The files for GitHub Actions, GitLab CI, cron and systemd: steps are run in a repository, forms are checked."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.orchestration.conftest import EXAMPLES, Shop
from tests.support.own_environment import python_with

PACKAGES = Path(__file__).parent / "requirements.txt"
GITHUB = EXAMPLES / "github" / "segments.yaml"
GITLAB = EXAMPLES / "gitlab" / ".gitlab-ci.yml"
TOOLS = {"pip": "pip", "gh": "gh", "curl": "curl"}
DIFF = "### Users who would enter or leave\n```\n"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Anna Weiss", "-c", "user.email=anna@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def repository(shop: Shop) -> str:
    """Makes a repository with a branch that changes a definition; the commit of main."""
    root = shop.root
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "segments", "events.jsonl")
    git(root, "commit", "-q", "-m", "First definitions")
    main = git(root, "rev-parse", "HEAD")
    git(root, "update-ref", "refs/remotes/origin/main", main)
    git(root, "switch", "-q", "-c", "change")
    segment = root / "segments" / "everybody.yaml"
    segment.write_text("segment: everybody\ntitle: Everybody\nwhen: exists('Product Viewed')\n")
    git(root, "add", "segments")
    git(root, "commit", "-q", "-m", "Add everybody")
    return main


def stand_ins(root: Path) -> Path:
    """A folder with programs that write down how they are called, in place of those that reach outside."""
    folder = root / "stand-ins"
    folder.mkdir()
    for name in TOOLS:
        program = folder / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >> "{root}/calls"\n')
        program.chmod(0o755)
    return folder


async def run(shop: Shop, script: str, **variables: str) -> None:
    """Runs a step as a runner does."""
    path = f"{shop.root / 'stand-ins'}:{shop.environment['PATH']}"
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-e", "-c", script],
        env=shop.environment | {"PATH": path} | variables,
        cwd=shop.root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, script + done.stdout + done.stderr


def check_diff(root: Path) -> None:
    text = (root / "diff.md").read_text()
    assert text.startswith(DIFF)
    assert text.endswith("```\n")
    assert "everybody" in text


async def published_by(shop: Shop) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        ["shoal", "catalog", "history"],
        env=shop.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return str(done.stdout)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_the_steps_for_github_check_compare_and_publish(shop: Shop) -> None:
    repository(shop)
    stand_ins(shop.root)
    workflow: dict[str, Any] = yaml.safe_load(GITHUB.read_text())
    values = {
        "origin/${{ github.base_ref }}": "origin/main",
        "${{ vars.SHOAL_WHEEL }}": "shoal.whl",
        "${{ vars.KAFKA_BOOTSTRAP_SERVERS }}": shop.environment["KAFKA_BOOTSTRAP_SERVERS"],
        "${{ github.token }}": "token",
        "${{ github.event.number }}": "7",
    }
    for job in ("check", "publish"):
        for step in workflow["jobs"][job]["steps"]:
            if "run" in step:
                assert "${{" not in step["run"], "what comes from outside is a variable, and never part of a script"
                await run(shop, step["run"], **{name: values[value] for name, value in step.get("env", {}).items()})
    check_diff(shop.root)
    calls = (shop.root / "calls").read_text().splitlines()
    assert calls[1] == "gh pr comment 7 --body-file diff.md --edit-last --create-if-none"
    assert {calls[0], calls[2]} == {"pip install shoal.whl"}
    history = await published_by(shop)
    assert "Anna Weiss" in history
    assert "Add everybody" in history


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_the_steps_for_gitlab_check_compare_and_publish(shop: Shop) -> None:
    main = repository(shop)
    stand_ins(shop.root)
    jobs: dict[str, Any] = yaml.safe_load(GITLAB.read_text())
    variables = {
        "WHEEL": "shoal.whl",
        "COMMENT_TOKEN": "token",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": main,
        "CI_API_V4_URL": "https://gitlab.example/api/v4",
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "7",
    }
    for name in ("check", "diff", "publish"):
        for step in (*jobs[jobs[name]["extends"]]["before_script"], *jobs[name]["script"]):
            await run(shop, step, **variables)
    check_diff(shop.root)
    (called,) = [line for line in (shop.root / "calls").read_text().splitlines() if line.startswith("curl")]
    assert "--header PRIVATE-TOKEN: token --data-urlencode body@diff.md" in called
    assert called.endswith("https://gitlab.example/api/v4/projects/5/merge_requests/7/notes")
    assert "Anna Weiss" in await published_by(shop)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_first_folder_has_nothing_to_compare_with(shop: Shop) -> None:
    repository(shop)
    git(shop.root, "rm", "-q", "-r", "--cached", "segments")
    git(shop.root, "commit", "-q", "-m", "No definitions yet")
    git(shop.root, "update-ref", "refs/remotes/origin/main", "HEAD")
    steps = yaml.safe_load(GITHUB.read_text())["jobs"]["check"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("name") == "diff"]
    await run(shop, script, BASE="origin/main")
    check_diff(shop.root)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("schema", "file"), [("github-workflows", GITHUB), ("gitlab-ci", GITLAB)])
def test_the_service_knows_the_form(schema: str, file: Path, tmp_path: Path) -> None:
    wrong = tmp_path / file.name
    wrong.write_text(file.read_text().replace("run:", "runs:").replace("script:", "script: {a: b}\n  other:"))
    for path, code in ((file, 0), (wrong, 1)):
        command = [
            str(python_with(PACKAGES)),
            "-m",
            "check_jsonschema",
            "--builtin-schema",
            f"vendor.{schema}",
            str(path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, done.stdout + done.stderr


def test_systemd_knows_the_units_and_cron_has_five_fields(tmp_path: Path) -> None:
    (line,) = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if re.match(r"[\d*]", line)]
    assert re.match(r"15 3 \* \* \* set -a; \. \S+; \S+/nightly\.sh > /dev/null$", line)
    assert os.access(EXAMPLES / "nightly.sh", os.X_OK)
    verifier = shutil.which("systemd-analyze")
    if verifier is None:
        pytest.skip("no systemd-analyze on this machine")
    for kind in ("service", "timer"):
        text = (EXAMPLES / f"shoal-nightly.{kind}").read_text()
        here = text.replace("/opt/shoal/orchestration", str(EXAMPLES))
        (tmp_path / f"shoal-nightly.{kind}").write_text(here)
    units = [str(tmp_path / f"shoal-nightly.{kind}") for kind in ("timer", "service")]
    done = subprocess.run([verifier, "verify", *units], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "shoal-nightly" not in done.stderr
