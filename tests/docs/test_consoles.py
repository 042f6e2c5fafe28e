"""The commands that documents show print what they show."""

import pytest
from consoles import PAGES, commands, folder, printed

COMMANDS = [(page, *found) for page in PAGES for found in commands(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "command", "output"), COMMANDS, ids=[c for _, c, _ in COMMANDS])
def test_a_command_prints_what_the_document_shows(page, command, output):
    with folder(page.read_text(encoding="utf-8")):
        assert printed(command) == output


def test_every_page_shows_commands():
    assert {page for page, *_ in COMMANDS} == set(PAGES)
