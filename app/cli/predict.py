"""`shoal predict`: forecasts of a model for the latest row of each user."""

from pathlib import Path

from app.console.output import counted, make_console, say
from app.console.output_file import STANDARD_OUTPUT, check_output_file, write_output_file
from app.errors import UserError, need_packages
from app.offline.forecasts import forecast_lines
from app.segments.definitions.model_file import read_model
from app.segments.language.suggestions import listed


def predict(rows: Path, /, *, model: Path, output: Path, of: str | None = None, above: float = 0.0) -> int:
    """Say how probable the label of a model is for each user: for the latest row of each.

    The file has the columns userId, at and probability, the most probable first, and can be imported as a static list.
    Make the rows with `--keep-open`, so that the latest ones are there. Of a model with several classes it has the most
    probable class and its probability, and the probability of each class, unless `--of` names one.

    Example: `shoal predict rows.parquet --model likely.model.json --above 0.3 --output likely.csv`

    Parameters
    ----------
    rows
        A Parquet file of shoal rows, of the features that the model was trained with.
    model
        The file of shoal train.
    output
        File for the forecasts (CSV); `-` for standard output.
    of
        One of the classes of the model: its probability is written, as of a model without classes.
    above
        Only users whose probability is higher.
    """
    need_packages("this command", "learn", "numpy", "pyarrow")
    if not 0 <= above < 1:
        raise UserError(f"--above is {above:g}", hint="a probability from 0 to below 1, such as 0.3")
    check_output_file(output, [rows, model])
    try:
        read = read_model(model.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {model}: {error.strerror}", hint="shoal train writes one") from None
    except ValueError as error:
        raise UserError(f"{model} is no model", detail=str(error), hint="shoal train writes one") from None
    classes = [each.name for each in read.classes]
    if of is not None and of not in classes:
        known = f"the classes of {read.name} are {listed(classes)}" if classes else f"{read.name} has no classes"
        raise UserError(f"--of is {of}", hint=known)
    from app.learning.points import latest_rows, read_rows

    table, metadata = read_rows(rows)
    if (metadata.features, metadata.version) != (read.features, read.features_version):
        raise UserError(
            f"the rows are of features {metadata.features} {metadata.version}, the model of {read.features} "
            f"{read.features_version}",
            hint="train again, or make rows with the features of the model",
        )
    lines = forecast_lines(read, latest_rows(table).to_pylist(), above=above, of=of)
    write_output_file(output, lines)
    if output != STANDARD_OUTPUT:
        said = counted(len(lines) - 1, "user")
        say(make_console(), f"{said} in {output}; on a list: shoal lists import NAME {output}")
    return 0
