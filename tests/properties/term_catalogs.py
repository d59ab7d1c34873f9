"""Random catalogs about few kinds of terms, which the whole language meets too seldom: lists, texts, versions, days."""

from collections.abc import Callable

from tests.properties.catalogs import Writer
from tests.properties.places import near, version_test
from tests.properties.scenario import Scenario, scenario_of
from tests.properties.terms import filter_terms, small_text_test, user_value
from tests.support.choices import Choices

THEMES = ("lists", "texts", "versions", "places", "days")
OFTEN_PERCENT = 70


class TermWriter(Writer):
    """Writes catalogs of one theme: most conditions, of users and of events, are about it."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self.gaps = self.item_catalog = self.shop = self.dated_catalog = False
        self.plain = self.chance(60)
        self.theme = self.one_of(*THEMES)

    def atom(self) -> str:
        if not self.chance(OFTEN_PERCENT):
            return super().atom()
        options: dict[str, tuple[Callable[[], str], ...]] = {
            "lists": (self.static_list, self.static_list, lambda: f"exists({self.names_only()}{self.scope()})"),
            "texts": (
                lambda: f"lower({self.any_of(self.any_value, self.visit_text)}) {small_text_test(self)}",
                lambda: f"{user_value(self)} {self.order()} {self.one_of('u', 'u1', 'u2')!r}",
                lambda: f"{self.first_touch()} {self.one_of('=', '!=')} {self.one_of('a', 'b')!r}",
                self.counted,
                self.counted,
            ),
            "versions": (
                lambda: version_test(self, self.one_of("traits.version", "context.app.version", "traits.x")),
                lambda: version_test(self, f"last(version of {self.name()}{self.scope()})"),
                self.counted,
            ),
            "places": (lambda: near(self, self.one_of("context.location", "traits.home")), self.counted),
            "days": (
                lambda: f"{self.streak()} {self.order()} {self.one_of('1', '2', '3')}",
                lambda: f"{self.days()} {self.one_of('>=', '=', '<')} {self.one_of('1', '2')}",
            ),
        }
        return self.any_of(*options[self.theme])

    def counted(self) -> str:
        """Events for which a term of the theme holds."""
        return f"count({self.name()} where {self.filter(0)}{self.scope()}) {self.order()} {self.threshold()}"

    def filter(self, depth: int) -> str:
        if not self.chance(OFTEN_PERCENT):
            return super().filter(depth)
        match self.theme:
            case "texts":
                return f"lower({self.one_of('tags', 'tags', 'c', 'products.c')}) {small_text_test(self)}"
            case "versions":
                return version_test(self, self.one_of("version", "version", "tags"))
            case "places":
                return near(self, self.one_of("place", "context.location"))
            case _:
                return self.any_of(*filter_terms(self))


def term_scenario_of(choices: Choices) -> Scenario:
    """A history of at most 40 events, with the fields that the terms are about."""
    return scenario_of(choices, writer_type=TermWriter)
