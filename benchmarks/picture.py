"""Three charts that show at a glance how our clients compare, as an SVG for light and dark pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from math import log10

from .clients import AIOHTTP, ASYNCIO, HTTPX, HTTPX_ON_AIOHTTP, OURS, OURS_ON_AIOHTTP, STOCK, URLLIB3, VENDOR
from .report import Results, Rounds, Spread, number

SHORT: Mapping[str, str] = {
    STOCK: "openapi-python-client",
    URLLIB3: "OpenAPI Generator",
    ASYNCIO: "OpenAPI Generator",
    HTTPX_ON_AIOHTTP: "httpx on aiohttp",
}
STYLES: Mapping[str, str] = {OURS: "ours", OURS_ON_AIOHTTP: "aiohttp"}
FRAME = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1060 280" font-family="sans-serif" font-size="13">
<style>
text {{ fill: #1f2328 }} text.title {{ font-weight: bold }} line {{ stroke: #d8dee4 }}
.ours {{ color: #c2410c }} .aiohttp {{ color: #e07b39 }} .other {{ color: #6e7781 }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3 }} line {{ stroke: #30363d }}
.ours {{ color: #fb8f44 }} .aiohttp {{ color: #f7c08a }} .other {{ color: #8b949e }}
}}
rect, circle, text.name {{ fill: currentColor }} polyline {{ fill: none; stroke: currentColor }}
.ours, .aiohttp {{ stroke-width: 3 }} text {{ stroke-width: 0 }}
</style>
{}
</svg>
"""
TOP, BOTTOM = 60.0, 240.0


def picture(results: Results) -> str:
    sync, first_call = (results.rounds.get(what, {}) for what in ("sync", "first call"))
    return FRAME.format(
        "\n".join(
            [
                *bars("A sync call, ms", 145, sync, (OURS, HTTPX, STOCK, URLLIB3, VENDOR)),
                *curves("Async calls per second, by calls in flight", 385, results),
                *bars("First call of a process, ms", 900, first_call, (OURS, OURS_ON_AIOHTTP, HTTPX, STOCK, VENDOR)),
            ]
        )
    )


def text(x: float, y: float, content: str, anchor: str = "start", style: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="{anchor}" class="{style}">{escape(content)}</text>'


def bars(title: str, left: float, rounds: Rounds, names: Sequence[str]) -> Iterator[str]:
    """Draw a bar for each client's median. The rounds are in seconds."""
    yield text(left - 140, 16, title, style="title")
    yield text(left - 140, 34, "shorter is better")
    medians = {name: 1000 * Spread.over(rounds[name]).median for name in names if name in rounds}
    for row, (name, median) in enumerate(medians.items()):
        y, width = TOP + 19 + 36 * row, 110 * median / max(medians.values())
        yield text(left - 8, y, SHORT.get(name, name), "end")
        style = STYLES.get(name, "other")
        yield f'<rect class="{style}" x="{left:.0f}" y="{y - 12:.0f}" width="{width:.1f}" height="24"/>'
        yield text(left + width + 6, y, number(median))


def curves(title: str, left: float, results: Results) -> Iterator[str]:
    """Draw each client's calls per second against the calls in flight. Both scales are logarithmic."""
    yield text(left - 45, 16, title, style="title")
    yield text(left - 45, 34, "higher is better")
    numbers = results.numbers("in flight")
    points = dict[str, list[tuple[int, float]]]()
    for name in (HTTPX, STOCK, ASYNCIO, HTTPX_ON_AIOHTTP, AIOHTTP, OURS_ON_AIOHTTP, OURS):
        rounds = [(each, results.rounds[f"{each} in flight"].get(name)) for each in numbers]
        if measured := [(each, Spread.over(values).median) for each, values in rounds if values]:
            points[name] = measured
    rates = [rate for each in points.values() for _, rate in each]
    if not rates:
        return
    low, high = log10(min(rates)) - 0.05, log10(max(rates)) + 0.05

    def x(in_flight: float) -> float:
        return left + 8 + 200 * log10(in_flight) / log10(max(*numbers, 10))

    def y(rate: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (log10(rate) - low) / (high - low)

    for rate in (digit * 10**power for power in range(6) for digit in (1, 2, 5)):
        if TOP <= y(rate) <= BOTTOM:
            yield f'<line x1="{left}" x2="{left + 216}" y1="{y(rate):.1f}" y2="{y(rate):.1f}"/>'
            yield text(left - 8, y(rate), f"{rate:,}", "end")
    for each in numbers:
        yield text(x(each), BOTTOM + 18, f"{each}", "middle")
    for name, of_name in points.items():
        places = [(x(in_flight), y(rate)) for in_flight, rate in of_name]
        line = " ".join(f"{at:.1f},{height:.1f}" for at, height in places)
        dots = "".join(f'<circle cx="{at:.1f}" cy="{height:.1f}" r="3.5"/>' for at, height in places)
        yield f'<g class="{STYLES.get(name, "other")}"><polyline points="{line}"/>{dots}</g>'
    yield from names_beside({name: y(of_name[-1][1]) for name, of_name in points.items()}, left + 222)


def names_beside(heights: Mapping[str, float], x: float) -> Iterable[str]:
    """Write the names at the ends of the curves, moved down if they would overlap."""
    y = 0.0
    for name in sorted(heights, key=heights.__getitem__):
        y = max(heights[name], y + 16)
        yield text(x, y, SHORT.get(name, name), style=f"name {STYLES.get(name, 'other')}")
