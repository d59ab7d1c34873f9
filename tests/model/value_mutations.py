"""Bugs on purpose in numbers that come as text, and in texts that are too long."""

from tests.model.mutation import Mutation

VALUE_MUTATIONS = (
    Mutation(
        "the place of a percentile is rounded down",
        "tables/percentiles.py",
        "place = -(-len(numbers) * self._parts // self._whole)",
        "place = max(1, len(numbers) * self._parts // self._whole)",
    ),
    Mutation(
        "a percentile is that of the numbers as they came",
        "tables/percentiles.py",
        "numbers = sorted(self.visible(state, now))",
        "numbers = self.visible(state, now)",
    ),
    Mutation(
        "every percentile is the median",
        "app/segments/language/functions.py",
        "Percentile(asked.rank or 0, asked.within_ms, asked.counted)",
        "Percentile(50, asked.within_ms, asked.counted)",
    ),
    Mutation(
        "of the last three the first that came stay",
        "tables/latest_events.py",
        "            del instants[:drop]\n            del items[:drop]\n        return state\n",
        "            del instants[-drop:]\n            del items[-drop:]\n        return state\n",
    ),
    Mutation(
        "the last three are one too many",
        "tables/latest_events.py",
        "len(instants) - self.latest)",
        "len(instants) - self.latest - 1)",
    ),
    Mutation(
        "one of the last three stays after its window",
        "tables/latest_events.py",
        "first = bisect_right(state[0], self.start(now))",
        "first = 0",
    ),
    Mutation(
        "a price that comes as text is none",
        "tables/values.py",
        "if value.__class__ is str and (said := number_in(value)) is not None:",
        "if False:",
    ),
    Mutation(
        "blanks around a number are let pass",
        "tables/values.py",
        "if _JSON_NUMBER.fullmatch(text) is None:",
        "if _JSON_NUMBER.fullmatch(text.strip()) is None:",
    ),
    Mutation(
        "a number as text is smaller than none",
        "app/segments/compiler/filters.py",
        'f" else ({left}.__class__ is str or {left}.__class__ is list) and {compare})"',
        'f" else {left}.__class__ is list and {compare})"',
    ),
    Mutation(
        "what equals a text is a text",
        "app/segments/compiler/condition_code.py",
        "isinstance(node.right, syntax.Text) and operators.is_plain_text(node.right.value):",
        "isinstance(node.right, syntax.Text):",
    ),
    Mutation(
        "arithmetic does not read numbers out of texts",
        "app/segments/evaluation/operators.py",
        "        return number_in(value)\n    return value if",
        "        return None\n    return value if",
    ),
    Mutation(
        "a tie at the seventh decimal goes where its double lies",
        "tables/values.py",
        "    return round(Decimal(repr(number)).scaleb(6))",
        "    return whole",
    ),
    Mutation(
        "a tie at the seventh decimal goes up",
        "tables/values.py",
        "return round(Decimal(repr(number)).scaleb(6))",
        "return round(Decimal(repr(number)).scaleb(6) + Decimal('1e-9'))",
    ),
    Mutation(
        "a long text does not equal what is left of it",
        "app/segments/evaluation/operators.py",
        "            return same_text(a, b)\n",
        "            return bool(a == b)\n",
    ),
    Mutation(
        "a long literal is compared as it stands",
        "tables/cut_texts.py",
        "TEXT_BYTES_SURE_MAX: Final = 60",
        "TEXT_BYTES_SURE_MAX: Final = 6000",
    ),
    Mutation(
        "a long text comes after what is left of it",
        "app/segments/evaluation/operators.py",
        "return test(a, a if same_text(a, b) else b)",
        "return test(a, b)",
    ),
    Mutation(
        "texts with the same beginning are one",
        "tables/cut_texts.py",
        "    return cut[-_DIGITS:] == (",
        "    return cut is not text or cut[-_DIGITS:] == (",
    ),
    Mutation(
        "the digits of a hash are searched, too",
        "tables/cut_texts.py",
        "return text if beginning is None else beginning",
        "return text",
    ),
    Mutation(
        "a value of per is cut like a trait",
        "tables/cut_texts.py",
        "TEXT_BYTES_KEY_MAX: Final = 256",
        "TEXT_BYTES_KEY_MAX: Final = 1024",
    ),
)
