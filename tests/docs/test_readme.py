"""What the documents tell a reader to type exists: commands, options, files, project files."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from npsight.config.load import load_project
from npsight.config.schema import Project
from npsight.errors import ConfigError, NpsightError

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "models" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:npsight|make) [a-z][^`]*)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
WORKPLACE = re.compile(r"/work/|/home/|/tmp/|/root/|localhost:(?!3000)|pypi\.|artifactory|nexus")


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> Iterator[str]:
    """Every command line of the `sh` blocks, and those named within sentences."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(("npsight ", "make ")):
                yield line
    prose = FENCE.sub("", page.read_text("utf-8"))
    yield from INLINE.findall(prose)


COMMANDS = [(page, line) for page in PAGES for line in dict.fromkeys(commands(page))]
YAML = [
    (text, f"{page_id(page)}-{yaml.safe_load(text).get('project', i)}")
    for page in PAGES
    for i, text in enumerate(blocks(page, "yaml"))
]
WHOLE = [pytest.param(text, id=name) for text, name in YAML if "project" in yaml.safe_load(text)]
PARTS = [
    pytest.param(text, id=name) for text, name in YAML if "project" not in yaml.safe_load(text)
]


COMMENTED = re.compile(r"(?:^# (?:[a-z]+:(?: .*)?| .+)\n)+", re.MULTILINE)
"""A part of a project file that stands there as a comment, to be taken in by who wants it."""
DEMO = (ROOT / "configs" / "demo.yaml").read_text("utf-8")
PARTS += [
    pytest.param(re.sub("^# ", "", part, flags=re.MULTILINE), id=f"configs/demo.yaml-{i}")
    for i, part in enumerate(COMMENTED.findall(DEMO))
]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def fault_of(line: str) -> str:
    """Why a command cannot be run as written; "" when it can."""
    program, *words = shlex.split(line, comments=True)
    if program == "make":
        wanted = [w for w in words if "=" not in w]
        unknown = sorted(set(wanted) - make_targets())
        return f"make has no {', '.join(unknown)}" if unknown else ""
    return npsight_fault(words)


def npsight_fault(words: list[str]) -> str:
    """Parses the words with the command's own parser; runs nothing."""
    import typer.main

    from npsight.cli.app import app

    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    if words[0] not in known:
        return f"npsight has no command {words[0]}"
    command, words = known[words[0]], words[1:]
    while hasattr(command, "commands") and words:
        if words[0] not in command.commands:
            return f"npsight {command.name} has no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    for word in words:
        if word.startswith("-") and word.partition("=")[0] not in options:
            return f"npsight {command.name} has no option {word}"
    try:
        command.make_context(command.name, list(words), resilient_parsing=True)
    except Exception as error:
        return f"npsight {command.name}: {error}"
    return files_fault(words)


def files_fault(words: list[str]) -> str:
    """A project file that is named must be there, unless it is the reader's own."""
    for option, value in itertools.pairwise(words):
        named = option in ("-c", "--config")
        if named and not (ROOT / value).exists() and Path(value).name not in READERS_OWN:
            return f"there is no {value}"
    return ""


READERS_OWN = {"mine.yaml", "npsight.yaml"}


@pytest.mark.parametrize(
    ("page", "line"), COMMANDS, ids=[f"{page_id(p)}-{line}" for p, line in COMMANDS]
)
def test_every_command_can_be_typed(page: Path, line: str) -> None:
    assert fault_of(line) == ""


def test_the_readme_has_the_commands_of_every_day() -> None:
    named = {shlex.split(line)[1] for page, line in COMMANDS if page.name == "README.md"}
    daily = {"demo", "test", "check", "train", "score", "worklist", "explain", "init", "serve"}
    assert daily | {"promote", "models"} <= named


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("npsight fly -c configs/demo.yaml", "has no command fly"),
        ("npsight keys lose", "keys has no command lose"),
        ("npsight keys list --quickly", "npsight list has no option --quickly"),
        ("npsight train --quickly", "has no option --quickly"),
        ("npsight train -c configs/nowhere.yaml", "there is no configs/nowhere.yaml"),
        ("make tea", "make has no tea"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str, fault: str) -> None:
    assert fault in fault_of(line)


@pytest.mark.parametrize("text", WHOLE)
def test_every_project_file_loads(text: str, tmp_path: Path) -> None:
    content = yaml.safe_load(text)
    file = tmp_path / "npsight.yaml"
    file.write_text(text, encoding="utf-8")
    project = load_project(file)
    assert project.name == content["project"]
    assert project.features


@pytest.mark.parametrize("text", PARTS)
def test_every_part_of_a_project_file_is_valid(text: str) -> None:
    for section, written in yaml.safe_load(text).items():
        assert section in Project.model_fields
        TypeAdapter(Project.model_fields[section].annotation).validate_python(written)


def test_what_the_demo_has_as_a_comment_can_be_taken_in(tmp_path: Path) -> None:
    file = tmp_path / "npsight.yaml"
    text = COMMENTED.sub(lambda part: re.sub("^# ", "", part[0], flags=re.MULTILINE), DEMO)
    file.write_text(text, encoding="utf-8")
    assert "team" in load_project(file).alerts.channels


def test_a_project_file_with_a_wrong_key_is_noticed(tmp_path: Path) -> None:
    text = blocks(ROOT / "README.md", "yaml")[0].replace("delay_hours", "delay_ours")
    file = tmp_path / "npsight.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key `delay_ours`"):
        load_project(file)


def test_the_smallest_project_file_reads_real_tables(tmp_path: Path) -> None:
    from npsight.jobs.check import check

    exports = tmp_path / "exports"
    exports.mkdir()
    days = [f"2024-{month:02d}-{day:02d} 10:00:00" for month in range(1, 13) for day in (3, 17)]
    surveys = [f"A{i % 5},{day},{i % 11}" for i, day in enumerate(days)]
    tickets = [f"A{i % 5},{day},{'high' if i % 3 else 'low'}" for i, day in enumerate(days)]
    write_csv(exports / "surveys.csv", "account_id,answered_at,score", surveys)
    write_csv(exports / "tickets.csv", "account_id,opened_at,severity", tickets)
    file = tmp_path / "npsight.yaml"
    text = blocks(ROOT / "README.md", "yaml")[0]
    file.write_text(f"state: state\n{text}", encoding="utf-8")
    report = check(load_project(file))
    assert report.accounts == 5
    assert {t.key: t.good for t in report.tables} == {
        "tables.responses": 24,
        "tables.activity.tickets": 24,
    }


def write_csv(file: Path, head: str, rows: list[str]) -> None:
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        target = (page.parent / path) if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: there is no such heading"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    kept = ("".join(c for c in h.lower() if c.isalnum() or c in " -_") for h in headings)
    return {text.replace(" ", "-") for text in kept}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_page_names_a_place_of_its_writer(page: Path) -> None:
    assert not WORKPLACE.findall(page.read_text("utf-8"))


def test_every_exit_code_is_in_the_readme() -> None:
    import npsight.errors as errors

    listed = set(re.findall(r"^\| (\d+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    kinds = [NpsightError, *subclasses(NpsightError)]
    declared = {str(kind.exit_code) for kind in kinds if kind.__module__ == errors.__name__}
    interrupted = "130"
    assert declared | {"0", interrupted} == listed


def subclasses(kind: type[NpsightError]) -> Iterator[type[NpsightError]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from subclasses(inner)


def test_the_picture_is_small_and_fetches_nothing() -> None:
    picture = ROOT / "docs" / "images" / "worklist.svg"
    content = picture.read_bytes()
    assert len(content) < 300_000
    text = content.decode()
    assert "Worklist" in text.replace("&#160;", " ")
    assert "url(http" not in text
    assert "@font-face" not in text
    assert "<script" not in text
