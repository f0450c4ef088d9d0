"""A command loads what it needs and no more: nobody waits for the libraries of another."""

import subprocess
import sys

import pytest

from cordbook.cli import COMMANDS, main

HEAVY = {"pandas", "scipy", "matplotlib", "statsmodels", "sphinx", "sklearn"}


@pytest.mark.parametrize(
    "words", [["build", "--help"], ["status", "--help"], ["validate", "--help"], ["cite", "--help"]], ids=" ".join
)
def test_light_commands_load_no_heavy_library(words, root):
    code = (
        "import sys\nfrom cordbook.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_command_and_each_answers(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for module in COMMANDS:
        name = {"import_records": "import"}.get(module, module.replace("_", "-"))
        assert f"\n    {name} " in shown or f"\n    {name}\n" in shown
        with pytest.raises(SystemExit) as end:
            main([name, "--help"])
        assert end.value.code == 0
        assert f"cordbook {name}" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["buidl", "import-records", "people", ""])
def test_a_command_that_is_none_is_told_with_those_there_are(word, capsys):
    with pytest.raises(SystemExit) as end:
        main([word])
    assert end.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
