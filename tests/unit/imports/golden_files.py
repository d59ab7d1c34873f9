"""Golden files of imports: what `shoal import` makes of `given/PRODUCT.json`. Run as a module to write them anew."""

from functools import cache
from pathlib import Path

from app.imports.translation import PRODUCTS, Translation, translate

HERE = Path(__file__).parent
REPORT = "report.txt"


@cache
def translated(product: str) -> Translation:
    name = f"{product}.json"
    return translate(product, (HERE / "given" / name).read_bytes(), name)


def made(product: str) -> dict[str, str]:
    """File name -> text, with the report."""
    translation = translated(product)
    return {**translation.files, REPORT: "".join(f"{gap}\n" for gap in translation.gaps)}


def kept(product: str) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (HERE / "golden" / product).iterdir()}


def main() -> None:
    for product in PRODUCTS:
        folder = HERE / "golden" / product
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for name, text in made(product).items():
            (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
