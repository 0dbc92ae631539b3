#!/usr/bin/env python3
"""Draws how much faster than the C library each row of the bench is: ratios.svg from results.csv.

usage: chart.py [results.csv [ratios.svg]]    (both are beside this script unless given)
"""

import csv
import math
import os
import sys
from xml.sax.saxutils import escape

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, LABELS, VALUES = 760, 310, 62  # pixels: all, left of the bars, right of them
ROW, BAR, TOP, BOTTOM = 19, 11, 46, 34

# Class names are short because every row repeats them. A viewer in dark mode gets the second colours.
STYLE = """
text{font:12px system-ui,sans-serif;fill:#24292f}
.l{text-anchor:end}.a{text-anchor:middle;fill:#57606a;font-size:11px}.t{font-size:14px;font-weight:600}
.b{fill:#2f7fd1}.s{fill:#c4562b}.g{stroke:#d0d7de}.o{stroke:#57606a}
.q{stroke:#24292f;stroke-opacity:.55}.m{stroke:#b35900;stroke-width:2.5}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.a{fill:#9198a1}.b{fill:#4493f8}.s{fill:#e0703f}
.g{stroke:#3d444d}.o{stroke:#9198a1}.q{stroke:#e6edf3}.m{stroke:#f0b429}}
"""


def number(value):
    return f"{value:.1f}".rstrip("0").rstrip(".")


def label(ratio):
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.1f}×" if ratio >= 2 else f"{ratio:.2f}×"


def draw(rows):
    numbers = [float(row[key]) for row in rows for key in ("ratio_q1", "ratio_q3", "target") if row[key]]
    # An unlucky quartile must not squeeze the rest.
    low = max(0.1, min(0.5, min(numbers) / 1.1))
    high = min(200.0, max(50.0, max(numbers) * 1.1))

    def x(ratio):
        part = math.log(min(max(ratio, low), high) / low) / math.log(high / low)
        return LABELS + part * (WIDTH - LABELS - VALUES)

    end = TOP + ROW * len(rows)
    height = end + BOTTOM
    one = number(x(1))
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="Speed-up over the C library">',
        f"<style>{STYLE}</style>",
        '<text class="t" x="8" y="18">Speed-up over the C library (C time / our time)</text>',
        f'<path class="m" d="M{WIDTH - 178} 9v10"/><text class="a" style="text-anchor:start" '
        f'x="{WIDTH - 170}" y="18">target</text>'
        f'<path class="q" d="M{WIDTH - 118} 14h18"/><text class="a" style="text-anchor:start" '
        f'x="{WIDTH - 94}" y="18">quartiles</text>',
    ]
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if low <= tick <= high]
    for tick in ticks:
        at = number(x(tick))
        style = "o" if tick == 1 else "g"
        svg.append(f'<path class="{style}" d="M{at} {TOP - 8}V{end}"/>')
        svg.append(f'<text class="a" x="{at}" y="{end + 16}">{tick:g}×</text>')
    for index, row in enumerate(rows):
        median, first, third = (float(row[key]) for key in ("ratio_median", "ratio_q1", "ratio_q3"))
        top = TOP + ROW * index
        middle = number(top + BAR / 2)
        left, right = sorted((x(1), x(median)))
        svg.append(f'<text class="l" x="{LABELS - 8}" y="{top + 10}">{escape(row["row"])}</text>')
        svg.append(
            f'<rect class="{"b" if median >= 1 else "s"}" x="{number(left)}" y="{top}" '
            f'width="{number(max(right - left, 1))}" height="{BAR}"/>'
        )
        svg.append(f'<path class="q" d="M{number(x(first))} {middle}H{number(x(third))}"/>')
        if row["target"]:
            svg.append(f'<path class="m" d="M{number(x(float(row["target"])))} {top - 2}v{BAR + 4}"/>')
        at = number(max(right, x(third), x(float(row["target"] or 0))) + 5)
        svg.append(f'<text x="{at}" y="{top + 10}">{label(median)}</text>')
    svg.append("</svg>")
    return "\n".join(svg) + "\n"


def main():
    arguments = sys.argv[1:]
    source = arguments[0] if arguments else os.path.join(HERE, "results.csv")
    target = arguments[1] if len(arguments) > 1 else os.path.join(HERE, "ratios.svg")
    with open(source, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(target, "w", encoding="utf-8") as file:
        file.write(draw(rows))


if __name__ == "__main__":
    main()
