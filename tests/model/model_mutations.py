"""Bugs on purpose in the scores of models."""

from tests.model.mutation import Mutation

MODEL_MUTATIONS = (
    Mutation(
        "a missing number is 0",
        "app/segments/definitions/model_forecast.py",
        "MISSING: Final = -1.0",
        "MISSING: Final = 0.0",
    ),
    Mutation(
        "trees compare doubles",
        "app/segments/compiler/model_code.py",
        "{'d' if model.kind == 'linear' else 'f'}",
        "d",
    ),
    Mutation(
        "a number that is the threshold goes right",
        "app/segments/compiler/model_code.py",
        "]} <= {tree.threshold[node]!r}",
        "]} < {tree.threshold[node]!r}",
    ),
    Mutation(
        "a user is scored whenever the moments are looked at",
        "app/segments/compiler/segment_code.py",
        '    code.line(f"w = {until or FOREVER}")\n    with code.block(f"if {leaves}"):',
        '    if segment.model is not None:\n        code.line(f"m[5] = SEGMENTS[{number}].attach(p, now, x.user)")\n'
        '    code.line(f"w = {until or FOREVER}")\n    with code.block(f"if {leaves}"):',
    ),
    Mutation(
        "a score ends with the moment",
        "app/segments/evaluation/settlement.py",
        '        if segment.hidden:\n            return True\n        self._say(profile, segment, member, "exited"',
        "        if segment.hidden:\n            member[SENT] = None\n            return True\n"
        '        self._say(profile, segment, member, "exited"',
    ),
    Mutation(
        "who reads a score is not looked at when it comes",
        "app/segments/compiler/program.py",
        "dependents=dependents[read.segment.name],",
        "dependents=0 if read.segment.model is not None else dependents[read.segment.name],",
    ),
    Mutation(
        "of two users who are one the earlier score counts",
        "app/segments/merging/memberships.py",
        "member[SINCE] < given[SINCE]",
        "member[SINCE] > given[SINCE]",
    ),
    Mutation(
        "a score is lost when two users become one",
        "app/segments/merging/memberships.py",
        "                _merge_score(profile, segment.id, other, now)\n",
        "                pass\n",
    ),
    Mutation(
        "no logarithm is taken",
        "app/segments/compiler/model_code.py",
        'raw = f"log(n{place})"',
        'raw = f"n{place}"',
    ),
    Mutation(
        "the probability of a forest is a margin",
        "app/segments/definitions/model_forecast.py",
        'return _share(found) if model.kind == "forest"',
        'return _share(found) if model.kind == "trees"',
    ),
    Mutation(
        "a probability has five places",
        "app/segments/definitions/model_forecast.py",
        "return round(MICROS / (1.0 + exponential(-round(margin * MICROS) / MICROS))) / MICROS",
        "return round(MICROS / 10 / (1.0 + exponential(-round(margin * MICROS) / MICROS))) / (MICROS / 10)",
    ),
    Mutation(
        "the sum begins without the base",
        "app/segments/compiler/model_code.py",
        'code.line(f"t = {of.base!r}")',
        'code.line("t = 0.0")',
    ),
    Mutation(
        "what is true is missing",
        "app/segments/definitions/model_forecast.py",
        "if kind is int or kind is float or kind is bool:",
        "if kind is int or kind is float:",
    ),
    Mutation(
        "a model does not wait for its windows",
        "app/segments/definitions/deployed_model.py",
        "        warmup=model.warmup,\n",
        "",
    ),
    Mutation(
        "contributions have the wrong sign",
        "app/segments/compiler/model_code.py",
        "tree.value[below] - tree.value[node]",
        "tree.value[node] - tree.value[below]",
    ),
    Mutation(
        "the smallest contributions are told",
        "app/segments/compiler/model_code.py",
        "key=lambda name: -abs(parts[name])",
        "key=lambda name: abs(parts[name])",
    ),
    Mutation(
        "a moment that nobody sees counts in the sequence",
        "app/segments/evaluation/settlement.py",
        '        if segment.hidden:\n            return True\n        self._say(profile, segment, member, "entered"',
        "        if segment.hidden:\n            profile.sequence += 1\n            return True\n"
        '        self._say(profile, segment, member, "entered"',
    ),
    Mutation(
        "each class is probable by its own margin alone",
        "app/segments/definitions/model_forecast.py",
        'if model.kind == "forest" else softmax(found)',
        'if model.kind == "forest" else [logistic(each) for each in found]',
    ),
    Mutation(
        "all classes have the sum of the first",
        "app/segments/compiler/model_code.py",
        "            _write_sum(code, each)\n",
        "            _write_sum(code, summed[0])\n",
    ),
    Mutation(
        "a class has the probability of another",
        "app/segments/definitions/model_forecast.py",
        "zip(model.classes, shares, strict=True)",
        "zip(model.classes, shares[::-1], strict=True)",
    ),
    Mutation(
        "what did most is that of another class",
        "app/segments/compiler/model_code.py",
        "if each.name == of_class), model)",
        "if each.name != of_class), model)",
    ),
    Mutation(
        "the powers of e are divided by the latest of them",
        "app/segments/definitions/model_forecast.py",
        "        together += power\n",
        "        together = max(power, 1e-9)\n",
    ),
)
