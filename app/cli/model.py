"""`shoal model`: models of other libraries as model files."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from app.catalogs.features import load_features
from app.console.converted_model import converted_lines
from app.console.output import make_console, say_lines
from app.console.output_file import check_output_file, write_output_file
from app.errors import UserError, need_packages


def model(
    action: Literal["convert"],
    file: Path,
    /,
    *,
    rows: Path,
    output: Path,
    label: str | None = None,
    name: str | None = None,
    features: Path | None = None,
    segments: Path | None = None,
    columns: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    missing: Annotated[float | None, Parameter(allow_leading_hyphen=True)] = None,
    limit: float = 0.00001,
    trust_pickle: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Make a model file out of a model that another library has trained, and prove that both say the same.

    Read are JSON of XGBoost (save_model), text of LightGBM (save_model), ONNX with one classifier of trees or weights,
    and pickles of scikit-learn. The library and the model file score the rows, and rows made of them: with numbers at
    each threshold, and with missing ones. If a probability differs by more than the limit, nothing is written.

    Example: `shoal model convert model.json --rows rows.parquet --label order_24h --output likely.model.json`

    Parameters
    ----------
    action
        convert.
    file
        The model of the other library.
    rows
        A Parquet file of shoal rows with the columns that the model asks for, and with labels.
    output
        File for the model (JSON).
    label
        The label that the model forecasts; a number counts as true above 0. Default: the only one.
    name
        Name of the model. Default: the label.
    features
        The features file, to refuse rows that were made before it changed.
    segments
        Folder with the definitions and settings that the features refer to.
    columns
        The columns of the model in their order, if it does not name them.
    missing
        The number that the model was given in the place of a missing one, such as -1. Default: NaN.
    limit
        The largest difference of two probabilities that is taken for equal.
    trust_pickle
        Read a pickle although that runs the code in it.
    """
    need_packages(f"shoal model {action}", "convert", "numpy", "pyarrow", "sklearn")
    if not 0 < limit < 1:
        raise UserError(f"--limit is {limit:g}", hint="a difference of probabilities, such as 0.00001")
    check_output_file(output, [file, rows])
    if features is not None:
        _check_features(features, segments, rows)
    given = {"label": label, "name": name, "columns": columns, "missing": missing, "trust_pickle": trust_pickle}
    return _convert(file, rows, output, limit=limit, given=given)


def _convert(file: Path, rows: Path, output: Path, *, limit: float, given: dict[str, Any]) -> int:
    from app.learning.foreign.conversion import convert

    converted = convert(file, rows, limit=limit, **given)
    write_output_file(output, [converted.content])
    lines = converted_lines(
        converted.model,
        size=len(converted.content),
        form=converted.source.form,
        notes=converted.source.notes,
        mean=converted.mean,
        compared=(converted.proof.rows, converted.proof.at_thresholds, converted.proof.with_missing),
        difference=converted.proof.difference,
        limit=limit,
        output=output,
    )
    say_lines(make_console(), "\n".join(lines))
    return 0


def _check_features(features: Path, segments: Path | None, rows: Path) -> None:
    """UserError for rows of other features."""
    from app.learning.points import read_rows

    metadata = read_rows(rows)[1]
    made, _ = load_features(features, segments)
    if (metadata.features, metadata.version) != (made.name, made.version):
        raise UserError(
            f"the rows of {rows} are of features {metadata.features} {metadata.version}, {features} has {made.name} "
            f"{made.version}",
            hint="make the rows again, and train again if the columns mean something else now",
        )
