"""Each request of the protocol: what the feature says, as the protocol writes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types

from rewardkit.diagnostics import Span
from rewardkit.lsp import findings, navigation, signatures, tokens
from rewardkit.lsp.across import calls_of
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.completion import complete
from rewardkit.lsp.documents import uri_of
from rewardkit.lsp.formatting import formatting
from rewardkit.lsp.hints import hints
from rewardkit.lsp.hover import hover
from rewardkit.lsp.lenses import lenses
from rewardkit.lsp.offers import Item
from rewardkit.lsp.rename import RenameError, renamable, rename
from rewardkit.lsp.workbench import Bench

#: completions of one request
MOST = 500


class Refused(Exception):
    """What was asked for cannot be done; one line that says why."""


def _offset(bench: Bench, params: Any) -> int:
    return bench.document.lines.offset(params.position)


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def answer_hover(bench: Bench, analysis: Analysis, params: types.HoverParams) -> types.Hover | None:
    found = hover(analysis, _offset(bench, params))
    return None if found is None else types.Hover(_markdown(found[0]), bench.document.lines.span(found[1]))


_KINDS = {
    "keyword": types.CompletionItemKind.Keyword,
    "value": types.CompletionItemKind.Variable,
    "function": types.CompletionItemKind.Function,
    "namespace": types.CompletionItemKind.Module,
    "field": types.CompletionItemKind.Field,
    "type": types.CompletionItemKind.Class,
    "property": types.CompletionItemKind.Property,
    "constant": types.CompletionItemKind.EnumMember,
    "sample": types.CompletionItemKind.Struct,
}


def answer_completion(
    bench: Bench, analysis: Analysis, params: types.CompletionParams
) -> types.CompletionList:
    offset = _offset(bench, params)
    start, items = complete(analysis, offset)
    range_ = bench.document.lines.range(start, offset)
    shown = [_item(item, range_) for item in items[:MOST]]
    return types.CompletionList(is_incomplete=len(items) > MOST, items=shown)


def _item(item: Item, range_: types.Range) -> types.CompletionItem:
    insert = item.insert if item.insert is not None else item.label
    snippet = item.insert is not None and "$" in item.insert
    return types.CompletionItem(
        label=item.label,
        kind=_KINDS[item.kind],
        detail=item.detail or None,
        documentation=_markdown(item.doc) if item.doc else None,
        text_edit=types.TextEdit(range_, insert),
        insert_text_format=types.InsertTextFormat.Snippet if snippet else types.InsertTextFormat.PlainText,
        sort_text=f"{item.rank}{item.label}",
    )


def answer_signature(
    bench: Bench, analysis: Analysis, params: types.SignatureHelpParams
) -> types.SignatureHelp | None:
    found = signatures.signature_help(analysis, _offset(bench, params))
    if found is None:
        return None
    shown = types.SignatureInformation(
        label=found.label,
        documentation=_markdown(found.doc) if found.doc else None,
        parameters=[types.ParameterInformation(label=p) for p in found.parameters],
        active_parameter=found.active,
    )
    return types.SignatureHelp([shown], active_signature=0, active_parameter=found.active)


def answer_definition(
    bench: Bench, analysis: Analysis, params: types.DefinitionParams
) -> types.Location | None:
    place = navigation.definition(analysis, _offset(bench, params))
    if isinstance(place, Path):
        start = types.Position(0, 0)
        return types.Location(uri_of(place), types.Range(start, start)) if place.is_file() else None
    return findings.location(bench.document, place) if place is not None else None


def answer_references(
    bench: Bench, analysis: Analysis, params: types.ReferenceParams
) -> list[types.Location]:
    offset = _offset(bench, params)
    uses = navigation.references(analysis, offset, params.context.include_declaration)
    here = [types.Location(bench.document.uri, bench.document.lines.span(use.span)) for use in uses]
    return here + [
        types.Location(user.document.uri, user.document.lines.span(span))
        for user, span in _elsewhere(bench, analysis, offset)
    ]


def _elsewhere(bench: Bench, analysis: Analysis, offset: int) -> list[tuple[Bench, Span]]:
    """Calls of the `def` at an offset in other open documents."""
    symbol, path = navigation.symbol_at(analysis, offset), bench.document.path
    if symbol is None or symbol.kind != "def" or path is None:
        return []
    return [(user, s) for user, known in bench.desk.users(path) for s in calls_of(symbol.name, path, known)]


def answer_highlights(
    bench: Bench, analysis: Analysis, params: types.DocumentHighlightParams
) -> list[types.DocumentHighlight]:
    kinds = types.DocumentHighlightKind
    return [
        types.DocumentHighlight(
            bench.document.lines.span(use.span), kinds.Write if use.writes else kinds.Read
        )
        for use in navigation.references(analysis, _offset(bench, params))
    ]


def answer_prepare_rename(
    bench: Bench, analysis: Analysis, params: types.PrepareRenameParams
) -> types.PrepareRenamePlaceholder | None:
    span = renamable(analysis, _offset(bench, params))
    return (
        None if span is None else types.PrepareRenamePlaceholder(bench.document.lines.span(span), span.text)
    )


def answer_rename(bench: Bench, analysis: Analysis, params: types.RenameParams) -> types.WorkspaceEdit | None:
    try:
        edits = rename(analysis, _offset(bench, params), params.new_name)
    except RenameError as error:
        raise Refused(str(error)) from None
    changes: dict[str, list[types.TextEdit]] = {}
    for owner, span in [(bench, e.span) for e in edits] + _elsewhere(bench, analysis, _offset(bench, params)):
        edit = types.TextEdit(owner.document.lines.span(span), params.new_name)
        changes.setdefault(owner.document.uri, []).append(edit)
    return types.WorkspaceEdit(changes=changes if edits else {})


_SYMBOLS = {
    "input": types.SymbolKind.Field, "param": types.SymbolKind.Constant, "let": types.SymbolKind.Variable,
    "term": types.SymbolKind.Property, "def": types.SymbolKind.Function, "extern": types.SymbolKind.Interface,
    "use": types.SymbolKind.Module, "reward": types.SymbolKind.Object, "test": types.SymbolKind.Method,
    "sample": types.SymbolKind.Struct, "entry": types.SymbolKind.Number, "prove": types.SymbolKind.Event,
}  # fmt: skip


def answer_symbols(
    bench: Bench, analysis: Analysis, params: types.DocumentSymbolParams
) -> list[types.DocumentSymbol]:
    return [_symbol(bench, entry) for entry in navigation.outline(analysis)]


def _symbol(bench: Bench, entry: navigation.Outline) -> types.DocumentSymbol:
    lines = bench.document.lines
    return types.DocumentSymbol(
        name=entry.name,
        kind=_SYMBOLS.get(entry.kind, types.SymbolKind.Key),
        range=lines.span(entry.span),
        selection_range=lines.span(entry.name_span),
        detail=entry.detail or None,
        children=[_symbol(bench, child) for child in entry.children],
    )


def answer_folds(
    bench: Bench, analysis: Analysis, params: types.FoldingRangeParams
) -> list[types.FoldingRange]:
    lines = bench.document.lines
    out = []
    for start, end, kind in navigation.folds(analysis):
        first, last = lines.position(start).line, lines.position(end).line
        if kind == "region":
            last -= 1  # what closes it stays in sight
        if last > first:
            out.append(types.FoldingRange(first, last, kind=types.FoldingRangeKind(kind)))
    return out


def answer_formatting(
    bench: Bench, analysis: Analysis, params: types.DocumentFormattingParams
) -> list[types.TextEdit] | None:
    edits = formatting(bench.document)
    if edits is None:
        return None
    return [types.TextEdit(bench.document.lines.span(edit.span), edit.text) for edit in edits]


def answer_actions(
    bench: Bench, analysis: Analysis, params: types.CodeActionParams
) -> list[types.CodeAction]:
    lines = bench.document.lines
    start, end = lines.offset(params.range.start), lines.offset(params.range.end)
    found = findings.actions(bench.document, bench.findings(analysis), analysis.module, start, end)
    only = params.context.only
    if only is None:
        return found
    return [a for a in found if any(f"{_text(a.kind or '')}.".startswith(f"{_text(k)}.") for k in only)]


def _text(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind


def answer_hints(bench: Bench, analysis: Analysis, params: types.InlayHintParams) -> list[types.InlayHint]:
    lines = bench.document.lines
    found = hints(analysis, lines.offset(params.range.start), lines.offset(params.range.end))
    return [
        types.InlayHint(lines.position(h.offset), h.text, kind=types.InlayHintKind.Type, tooltip=h.tooltip)
        for h in found
    ]


def answer_tokens(
    bench: Bench, analysis: Analysis, params: types.SemanticTokensParams
) -> types.SemanticTokens:
    return types.SemanticTokens(data=tokens.encoded(analysis, bench.document.lines))


def answer_lenses(bench: Bench, analysis: Analysis, params: types.CodeLensParams) -> list[types.CodeLens]:
    found = lenses(analysis, bench.document.uri, bench.results, bench.claims)
    return [
        types.CodeLens(
            bench.document.lines.range(lens.span.start, lens.span.start),
            command=types.Command(lens.title, lens.command, arguments=list(lens.arguments)),
        )
        for lens in found
    ]


_COMPLETION = types.CompletionOptions(trigger_characters=[".", "(", ":"], resolve_provider=False)
_SIGNATURE = types.SignatureHelpOptions(trigger_characters=["(", ","], retrigger_characters=[":"])
_ACTIONS = types.CodeActionOptions([types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll])
_LEGEND = types.SemanticTokensLegend(list(tokens.TYPES), list(tokens.MODIFIERS))

#: method, what answers it, what the server says about it
FEATURES: Sequence[tuple[str, Callable[[Bench, Analysis, Any], Any], Any]] = (
    (types.TEXT_DOCUMENT_HOVER, answer_hover, None),
    (types.TEXT_DOCUMENT_COMPLETION, answer_completion, _COMPLETION),
    (types.TEXT_DOCUMENT_SIGNATURE_HELP, answer_signature, _SIGNATURE),
    (types.TEXT_DOCUMENT_DEFINITION, answer_definition, None),
    (types.TEXT_DOCUMENT_REFERENCES, answer_references, None),
    (types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, answer_highlights, None),
    (types.TEXT_DOCUMENT_PREPARE_RENAME, answer_prepare_rename, None),
    (types.TEXT_DOCUMENT_RENAME, answer_rename, None),
    (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, answer_symbols, None),
    (types.TEXT_DOCUMENT_FOLDING_RANGE, answer_folds, None),
    (types.TEXT_DOCUMENT_FORMATTING, answer_formatting, None),
    (types.TEXT_DOCUMENT_CODE_ACTION, answer_actions, _ACTIONS),
    (types.TEXT_DOCUMENT_INLAY_HINT, answer_hints, None),
    (types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, answer_tokens, _LEGEND),
    (types.TEXT_DOCUMENT_CODE_LENS, answer_lenses, types.CodeLensOptions()),
)
