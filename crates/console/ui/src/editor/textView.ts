/** CodeMirror as all our texts look and behave. */

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { completions, type Known, pathAt, schemasAt } from "./completion";

const colour = (name: string): string => `var(--color-${name})`;

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "0.8125rem", backgroundColor: colour("surface"), color: colour("ink") },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.25rem" },
  ".cm-content": { caretColor: colour("ink") },
  ".cm-cursor": { borderLeftColor: colour("ink") },
  ".cm-gutters": { backgroundColor: colour("surface"), color: colour("soft"), border: "none" },
  ".cm-activeLine": { backgroundColor: `color-mix(in srgb, ${colour("sunken")} 60%, transparent)` },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: colour("ink") },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: `${colour("accent-wash")} !important` },
  ".cm-tooltip": {
    border: `1px solid ${colour("line")}`,
    borderRadius: "0.375rem",
    backgroundColor: colour("surface"),
    color: colour("ink"),
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: colour("accent"), color: colour("accent-ink") },
  // The library's own waves are images in the style sheet, which the page's policy does not let in.
  ".cm-lintRange": { backgroundImage: "none !important", textDecoration: "underline wavy 1px", textUnderlineOffset: "3px" },
  ".cm-lintRange-error": { textDecorationColor: colour("bad") },
  ".cm-lintRange-warning": { textDecorationColor: colour("wait") },
  ".cm-diagnostic": { padding: "0.25rem 0.625rem" },
  ".cm-hover": { padding: "0.375rem 0.625rem", maxWidth: "26rem", fontSize: "0.8125rem" },
  ".cm-panels": { backgroundColor: colour("sunken"), color: colour("ink") },
  ".cm-searchMatch": { backgroundColor: colour("wait-wash") },
  ".cm-changedLine": { backgroundColor: `${colour("good-wash")} !important` },
  ".cm-deletedChunk": { backgroundColor: colour("bad-wash") },
  ".cm-changedText": { background: `color-mix(in srgb, ${colour("good")} 25%, transparent) !important` },
  ".cm-deletedText": { background: `color-mix(in srgb, ${colour("bad")} 25%, transparent) !important` },
});

const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: colour("work") },
  { tag: [tags.string, tags.content], color: colour("ink") },
  { tag: [tags.number, tags.bool, tags.null], color: colour("wait") },
  { tag: tags.comment, color: colour("soft"), fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator], color: colour("soft") },
]);

/** Read only, without any help. */
export const plainText: Extension = [
  look,
  yaml(),
  syntaxHighlighting(highlight),
  lineNumbers(),
  EditorView.lineWrapping,
  EditorState.readOnly.of(true),
];

/** To write in. */
export function writable(label: string, known: () => Known, asked: () => Promise<void>, save: () => void): Extension {
  const complete = completions(known);
  return [
    look,
    yaml(),
    syntaxHighlighting(highlight),
    lineNumbers(),
    foldGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    // What is typed before the server has answered is completed once it has.
    autocompletion({ override: [async (context) => (await asked(), complete(context))] }),
    hover(known),
    EditorState.tabSize.of(2),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
    keymap.of([
      { key: "Mod-s", preventDefault: true, run: () => (save(), true) },
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...completionKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
  ];
}

/** What a key means, by the schema. */
function hover(known: () => Known): Extension {
  return hoverTooltip((view, at) => {
    const line = view.state.doc.lineAt(at);
    const found = /^(\s*(?:- )?)([\w-]+):/.exec(line.text);
    if (!found) return null;
    const from = line.from + (found[1]?.length ?? 0);
    const key = found[2] ?? "";
    if (at < from || at > from + key.length) return null;
    const path = pathAt(view.state.doc.toString().split("\n"), line.number - 1);
    const text = schemasAt(known().schema, [...path, key]).find((schema) => schema.description)?.description;
    if (!text) return null;
    const create = (): { dom: HTMLElement } => ({
      dom: Object.assign(document.createElement("div"), { className: "cm-hover", textContent: text }),
    });
    return { pos: from, end: from + key.length, above: true, create };
  });
}
