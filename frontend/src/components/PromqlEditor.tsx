import { closeBrackets, closeBracketsKeymap, autocompletion, completionKeymap, type Completion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { Annotation, EditorState, Prec } from '@codemirror/state';
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useRef } from 'react';
import { useLatest } from '../hooks/useLatest';
import { completionFetch, PROMETHEUS_URL } from '../api/prometheus';
import classes from './PromqlEditor.module.css';

interface PromqlEditorProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Ctrl-Enter, or Cmd-Enter. */
  onRun: () => void;
}

const colors = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--tone-mitigated)' },
  { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: 'var(--tone-investigating)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--tone-resolved)' },
  { tag: [tags.number, tags.bool], color: 'var(--tone-sev2)' },
  { tag: tags.labelName, color: 'var(--tone-learned)' },
  { tag: [tags.operator, tags.modifier], color: 'var(--tone-sev4)' },
  { tag: tags.comment, color: 'var(--ink-dim)', fontStyle: 'italic' },
]);

const look = EditorView.theme({
  '&': { fontSize: '13px', backgroundColor: 'transparent', color: 'var(--ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': { fontFamily: 'var(--mantine-font-family-monospace)', padding: '5px 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 10px' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-placeholder': { color: 'var(--mantine-color-placeholder)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--selected)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--selected)', outline: '1px solid var(--line-strong)' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', color: 'var(--ink)', border: '1px solid var(--line-strong)', borderRadius: '6px', overflow: 'hidden' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: '12px', maxHeight: '260px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--selected)', color: 'var(--ink)' },
  '.cm-completionDetail': { color: 'var(--ink-dim)', fontStyle: 'normal', marginLeft: '12px' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '600', color: 'var(--accent-ink)' },
  '.cm-tooltip.cm-completionInfo': { padding: '6px 10px', maxWidth: '320px', fontSize: '12px' },
});

/** On changes that come from outside: nobody typed them. */
const given = Annotation.define<boolean>();

/** PromQL with Prometheus' own language package: colours, syntax marks, and completion from the project's metrics. */
export function PromqlEditor(props: PromqlEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const calls = useLatest(props);
  const { label, value } = props;
  const first = useRef(value);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const language = promql();
    const editor = new EditorView({
      parent: element,
      state: EditorState.create({ doc: first.current, extensions: extensions(label, language) }),
    });
    view.current = editor;
    return () => {
      first.current = editor.state.doc.toString();
      view.current = null;
      editor.destroy();
      language.destroy();
    };

    function extensions(name: string, promQL: PromQLExtension) {
      return [
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run: () => (calls.current.onRun(), true) }])),
        history(),
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ compareCompletions }),
        promQL.asExtension(),
        syntaxHighlighting(colors),
        look,
        placeholder('rate(http_requests_total[5m])'),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': name }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !update.transactions.some((one) => one.annotation(given))) calls.current.onChange(update.state.doc.toString());
        }),
      ];
    }
  }, [label, calls]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value }, annotations: given.of(true) });
  }, [value]);

  return <div ref={host} className={classes.editor} />;
}

/** What is asked for most comes first among what matches alike: `ra` is `rate`, not `range`. */
function compareCompletions(left: Completion, right: Completion): number {
  return frequency(left) - frequency(right) || left.label.localeCompare(right.label);
}

const FREQUENT = ['rate', 'sum', 'by', 'increase', 'avg', 'max', 'min', 'count', 'histogram_quantile', 'topk', 'irate', 'without', 'avg_over_time', 'max_over_time', 'sum_over_time', 'label_replace', 'absent'];

function frequency({ label }: Completion): number {
  const at = FREQUENT.indexOf(label);
  return at === -1 ? FREQUENT.length : at;
}

function promql(): PromQLExtension {
  return new PromQLExtension().setComplete({
    remote: {
      url: PROMETHEUS_URL,
      fetchFn: completionFetch,
      httpMethod: 'GET',
      // Completion is a convenience: what is wrong with the server is said by the query itself.
      httpErrorHandler: () => undefined,
    },
  });
}
