"""The model card: what a version is, what it learnt from, how good it is and where it fails, as Markdown. Pure."""

from collections.abc import Mapping

from features.models.fitted import Fitted, Goal


def card(name: str, fitted: Fitted, goal: Goal, tags: Mapping[str, str]) -> str:
    """The text of the card."""
    figures = "\n".join(f"| `{key}` | {_number(value)} | {unit} |" for key, (value, unit) in fitted.figures.items())
    params = "\n".join(f"| {key} | {value} |" for key, value in fitted.params.items())
    origin = "\n".join(f"| {key} | {value} |" for key, value in sorted(tags.items()))
    important = "\n".join(f"| {key} | {_number(value)} |" for key, value in list(fitted.importance.items())[:10])
    better = "more" if goal.more_is_better else "less"
    return f"""# {name}

{fitted.said}

## Figures on records that it never saw

`{goal.key}` decides over promotion; {better} is better.

| figure | value | of |
|---|---|---|
{figures}

## What it leans on

Growth of the mean absolute error where a feature is shuffled.

| feature | growth |
|---|---|
{important}

## How it was fitted

| parameter | value |
|---|---|
{params}

## Where it comes from

| what | value |
|---|---|
{origin}

## Use and limits

Advice to a driver or an operator, with its interval where it has one; nothing that brakes, opens a contactor or bills by itself.
It was judged on few recorded cars and sites: judge it on your own with `voltlake models evaluate {name} --data DIR`, which fits nothing.
"""


def _number(value: float) -> str:
    return f"{value:.4g}"
