"""What a run says of itself: logs of failures, measured figures. A conftest
imports these."""
from __future__ import annotations

from typing import Callable, Iterator

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    lab = getattr(item, "lab", None)
    if report.when == "call" and report.failed and lab is not None:
        report.sections.append(("programs", lab.logs()))


@pytest.fixture
def figure(record_property) -> Callable[[str], None]:
    """Notes a measured figure; all are printed at the end of the run."""
    return lambda text: record_property("figure", text)


def pytest_terminal_summary(terminalreporter) -> None:
    """The figures that the tests have measured and asserted."""
    figures = [value for reports in terminalreporter.stats.values()
               for report in reports if getattr(report, "when", "") == "call"
               for name, value in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        for text in sorted(figures):
            terminalreporter.write_line(text)
