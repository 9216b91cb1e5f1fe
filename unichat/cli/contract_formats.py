"""The forms in which `unichat contract` prints a report."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import click

from unichat._text.printable import escape_controls
from unichat.cli import output
from unichat.contract import Finding, OperationReport, Report, Verdict


def print_report(report: Report, form: str, *, strict: bool) -> None:
    """Print a report as a table, JSON, JUnit's XML (where `strict` makes drift a failure) or Markdown."""
    if form == "json":
        output.print_json(report.to_json())
    elif form == "junit":
        click.echo(junit(report, strict=strict))
    elif form == "markdown":
        click.echo("\n".join(_markdown(report)))
    else:
        _print_table(report)


def _print_table(report: Report) -> None:
    rows = []
    for operation in report.operations:
        found = _sort_findings(operation)
        rows += [(operation.verdict.value, operation.name, _line(each)) for each in found[:1]] or [
            (operation.verdict.value, operation.name, "")
        ]
        rows += [("", "", _line(each)) for each in found[1:]]
    output.print_table(("verdict", "operation", "what was found"), rows)
    for line in _changes(report):
        output.print_text(line)


def _changes(report: Report) -> list[str]:
    """Return what the check changed at the vendor, a line each."""
    return [f"changed at the vendor: {line}" for line in report.made]


def _sort_findings(operation: OperationReport) -> list[Finding]:
    """Return the findings that a reader needs: an open point that is settled as expected comes last."""
    return sorted(operation.findings, key=lambda each: each.kind == "settled" and each.verdict is Verdict.OK)


def _line(finding: Finding) -> str:
    return " ".join(part for part in (f"{finding.kind}:", finding.pointer, finding.message) if part)


def junit(report: Report, *, strict: bool) -> str:
    """Return the report as JUnit's XML: a test case for each operation."""
    suite = ElementTree.Element("testsuite", name=f"unichat contract {report.backend} {report.version}")
    counts = {"failure": 0, "skipped": 0}
    for operation in report.operations:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"{report.backend}.{report.version}", name=operation.name
        )
        tag = _junit_tag(operation, strict)
        if tag is not None:
            counts[tag] += 1
            lines = [_line(each) for each in _sort_findings(operation) if each.verdict is not Verdict.OK]
            element = ElementTree.SubElement(case, tag, message=_xml_text("; ".join(lines)))
            element.text = _xml_text("\n".join(lines))
        elif operation.findings:
            ElementTree.SubElement(case, "system-out").text = _xml_text(
                "\n".join(map(_line, _sort_findings(operation)))
            )
    suite.set("tests", str(len(report.operations)))
    suite.set("failures", str(counts["failure"]))
    suite.set("skipped", str(counts["skipped"]))
    suite.set("errors", "0")
    if report.made:
        ElementTree.SubElement(suite, "system-out").text = _xml_text("\n".join(_changes(report)))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")


def _junit_tag(operation: OperationReport, strict: bool) -> str | None:
    if operation.verdict is Verdict.UNKNOWN:
        return "skipped"
    is_failure = operation.verdict is Verdict.BROKEN or (strict and operation.verdict is Verdict.DRIFT)
    return "failure" if is_failure else None


def _xml_text(text: str) -> str:
    return escape_controls(text, keep="\n")


def _markdown(report: Report) -> Iterator[str]:
    yield f"## Contract of {_cell(report.backend)}, {_cell(report.version)}"
    yield ""
    yield "| Verdict | Operation | What was found |"
    yield "| --- | --- | --- |"
    for operation in report.operations:
        found = "<br>".join(_cell(_line(each)) for each in _sort_findings(operation))
        yield f"| {operation.verdict.value} | `{operation.method} {operation.path}`<br>{operation.name} | {found} |"
    if report.made:
        yield ""
        yield from (f"- {_cell(line)}" for line in _changes(report))


def _cell(text: str) -> str:
    return escape_controls(text).replace("|", "\\|")
