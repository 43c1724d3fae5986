"""`seatrial init DIR`: what is inferred from a table, and the project that is written for it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet
import pytest

from seatrial.cli import main
from seatrial.cli.project.init import FrameworkName
from seatrial.errors import InputError
from seatrial.pipeline.new_project.inferred_schema import infer_schema
from seatrial.pipeline.new_project.starter import FRAMEWORKS, init_starter
from seatrial.pipeline.new_project.starter_text import project_file
from seatrial.pipeline.project.project_file import load_project, parse_project
from seatrial.pipeline.project.settings import DataSettings
from seatrial.pipeline.steps.load_pipeline import load_pipeline
from seatrial.trial.question import Question

ROWS = 300


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Orders: every kind of column that is told apart. Semicolons, and labels as somebody wrote them."""
    lines = ["order;price;size;note;shop;paid;empty;late"]
    for row in range(ROWS):
        size, late = "SML"[row % 3], "TRUE" if row % 4 == 0 else "FALSE"
        lines.append(f"{row + 100};{row % 17}.5;{size};written by {row};Oslo;{str(row % 2 == 0).lower()};;{late}")
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_to_learn_from_is_inferred_and_why_not_from_the_rest(table: Path) -> None:
    schema = infer_schema(str(table), Question(label="late"))
    assert (schema.numbers, schema.texts) == (("price",), ("size", "paid"))
    assert dict(schema.left_out) == {
        "order": "it numbers the rows",
        "note": "it has more than 100 different texts (names, dates or free text)",
        "shop": "it is 'Oslo' in every row",
        "empty": "it is empty",
    }
    assert (schema.format, schema.delimiter, schema.rows) == ("csv", ";", ROWS)


def test_classes_are_as_they_stand_in_the_file(table: Path) -> None:
    schema = infer_schema(str(table), Question(label="late"))
    assert (schema.task, schema.classes, schema.positive) == ("binary", ("FALSE", "TRUE"), "TRUE")


def test_names_that_do_not_tell_the_positive_class_are_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{row % 13},{'bad' if row % 3 else 'not too bad'}" for row in range(60)]
    Path("loans.csv").write_text("\n".join(["income,risk", *lines]))
    with pytest.raises(SystemExit) as ended:
        main(["init", "p", "--data", "loans.csv", "--label", "risk"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert 'the names "bad" and "not too bad" do not tell' in told
    assert "Say which: --positive bad, or --positive 'not too bad'." in told
    with pytest.raises(SystemExit) as ended:
        main(["init", "p", "--data", "loans.csv", "--label", "risk", "--positive", "not too bad"])
    assert ended.value.code == 0
    assert 'positive = "not too bad"  # and not "bad": precision,' in Path("p/seatrial.toml").read_text()
    assert load_project(Path("p")).data == DataSettings(
        test="rows.test", validation="rows.validation", label="risk", task="binary", positive="not too bad"
    )


def test_names_that_tell_it_are_believed_and_written_down(tmp_path: Path) -> None:
    lines = [f"{row % 13},{'ja' if row % 3 else 'nein'}" for row in range(60)]
    (tmp_path / "loans.csv").write_text("\n".join(["income,late", *lines]))
    init_starter(
        tmp_path / "p",
        data=str(tmp_path / "loans.csv"),
        question=Question(label="late"),
        framework="sklearn",
        spark=False,
    )
    assert 'positive = "ja"  # and not "nein": precision,' in (tmp_path / "p" / "seatrial.toml").read_text()
    assert 'POSITIVE = "ja"' in (tmp_path / "p" / "columns.py").read_text()


def test_a_column_of_groups_is_kept_though_nothing_is_learned_from_it(table: Path) -> None:
    assert infer_schema(str(table), Question(label="late", groups=("shop", "size"))).group_columns == ("shop",)


def test_amounts_are_a_regression(table: Path, tmp_path: Path) -> None:
    assert infer_schema(str(table), Question(label="price")).task == "regression"
    pyarrow.parquet.write_table(pa.table({"a": [1.0, 2.5], "y": [0.5, 1.5]}), tmp_path / "t.parquet")
    schema = infer_schema(str(tmp_path / "t.parquet"), Question(label="y"))
    assert (schema.format, schema.task, schema.classes) == ("parquet", "regression", ())
    assert schema.clip == 1.0  # how far apart labels lie, rounded up to one digit
    policy = parse_project(project_file(schema, name="prices", step_parameter=("rounds", 100)), tmp_path).policy
    assert (policy.clip, [str(one) for one in policy.require]) == (1.0, ["clipped_mae no worse than baseline"])


def test_whole_numbers_that_may_be_classes_are_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "stars.csv"
    path.write_text("a,stars\n" + "".join(f"{row}.5,{row % 5}\n" for row in range(50)))
    with pytest.raises(InputError, match=r"classes as well as amounts.*--task multiclass, or --task regression"):
        infer_schema(str(path), Question(label="stars"))
    assert infer_schema(str(path), Question(label="stars", task="multiclass")).classes == ("0", "1", "2", "3", "4")


def test_numbers_with_a_zero_in_front_are_codes(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("zip,n,y\n" + "01067,1,yes\n80331,2,no\n50667,0,yes\n" * 5)
    schema = infer_schema(str(path), Question(label="y"))
    assert (schema.numbers, schema.texts) == (("n",), ("zip",))


def test_a_table_without_columns_to_learn_from_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "1,yes\n1,no\n" * 5)
    with pytest.raises(InputError, match="at least one column beside the label"):
        infer_schema(str(path), Question(label="y"))


def test_every_framework_can_be_asked_for() -> None:
    assert set(get_args(FrameworkName)) == set(FRAMEWORKS)


@pytest.mark.parametrize("spark", [False, True], ids=["pandas", "spark"])
@pytest.mark.parametrize("framework", list(FRAMEWORKS))
def test_the_project_reads_and_names_only_what_its_files_have(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch, framework: str, *, spark: bool
) -> None:
    monkeypatch.delitem(sys.modules, "pipeline", raising=False)  # another project's
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "orders"
    question = Question(label="late", groups=("size",))
    begun = init_starter(folder, data=str(table), question=question, framework=framework, spark=spark)
    assert begun.raw == "../orders.csv"
    names = {path.name for path in folder.iterdir()}
    assert names == {"README.md", "columns.py", "pipeline.py", "preparing.py", "seatrial.toml", "training.py"}
    project = load_project(folder)
    pipeline = load_pipeline(project, sets=(), rehearse=False)
    assert {"rows", "model", "assess", "release"} <= set(pipeline.graph)
    assert pipeline.graph["rows"].kind == ("spark" if spark else "python")
    assert FRAMEWORKS[framework].rounds[0] in pipeline.graph["model"].parameters
    trains = ast.parse((folder / "training.py").read_text())
    arguments = next(part for part in trains.body if isinstance(part, ast.FunctionDef) and part.name == "train").args
    assert [one.arg for one in arguments.kwonlyargs] == [FRAMEWORKS[framework].rounds[0], "seed"]
    assert pipeline.graph["model"].libraries == FRAMEWORKS[framework].libraries
    imported = {node.module for node in ast.walk(trains) if isinstance(node, ast.ImportFrom)}
    assert framework in {str(module).partition(".")[0] for module in imported}


def test_every_line_that_waits_to_be_switched_on_is_toml(tmp_path: Path, table: Path) -> None:
    init_starter(tmp_path / "p", data=str(table), question=Question(label="late"), framework="sklearn", spark=False)
    text = (tmp_path / "p" / "seatrial.toml").read_text()
    on = tomllib.loads(re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE))
    assert {"metric": "true_positive_rate", "gap_between": "size", "at_most": 0.1} in on["policy"]["require"]


def test_without_a_table_rows_are_made_up_and_always_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert (
            init_starter(tmp_path / name, data=None, question=None, framework="sklearn", spark=False).raw
            == "made_up.csv"
        )
    assert (tmp_path / "one" / "made_up.csv").read_bytes() == (tmp_path / "two" / "made_up.csv").read_bytes()


def test_with_a_mistake_nothing_is_written(tmp_path: Path, table: Path) -> None:
    question = Question(label="lated")
    with pytest.raises(InputError, match="late"):
        init_starter(tmp_path / "p", data=str(table), question=question, framework="sklearn", spark=False)
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--data", "orders.csv"), "--label is missing"),
        (("--data", "orders.csv", "--example", "census"), "exclude each other"),
        (("--label", "late"), "--label needs --data FILE or --from MODEL"),
        (("--data", "orders.csv", "--label", "late", "--classes", "a,b"), "--classes needs --from MODEL"),
        (("--example", "digits", "--spark"), "--framework and --spark apply to a project that trains"),
        (("--data", "orders.csv", "--test", "t.csv", "--label", "late"), "--test needs --from MODEL"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["init", "p", *words])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_command_ends_with_what_puts_the_table_into_the_store(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["init", "p", "--data", table.name, "--label", "late", "--framework", "torch"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Next: cd p && seatrial put ../orders.csv raw/ && seatrial run --rehearse"
    assert '"late": classes FALSE, TRUE; positive: "TRUE".' in lines
