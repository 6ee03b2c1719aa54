import { http, HttpResponse } from 'msw';
import type { Labels } from '../src/api/prometheus';
import { refusedSession } from './answers';
import { METRICS, quantileOf } from './metric-seed';
import { has } from './signals';
import { traceIdAt } from './trace-seed';

const API = '/prometheus/api/v1';

export const metricRoutes = [
  http.all(`${API}/query_range`, (info) => answer(info, (form) => {
    const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(form.get(name))) as [number, number, number];
    const result = evaluate(form.get('query') ?? '').map(({ metric, at }) => {
      const values: [number, string][] = [];
      for (let time = start; time <= end; time += step) {
        const value = at(time);
        if (value !== null) values.push([time, String(value)]);
      }
      return { metric, values };
    });
    return { resultType: 'matrix', result };
  })),
  http.all(`${API}/query`, (info) => answer(info, (form) => {
    const time = Number(form.get('time') ?? Date.now() / 1000);
    const result = evaluate(form.get('query') ?? '').flatMap(({ metric, at }) => {
      const value = at(time);
      return value === null ? [] : [{ metric, value: [time, String(value)] }];
    });
    return { resultType: 'vector', result };
  })),
  http.all(`${API}/query_exemplars`, (info) => answer(info, (form) => {
    const expr = form.get('query') ?? '';
    if (!expr.includes('http_request_duration_seconds')) return [];
    const [start, end] = [Number(form.get('start')), Number(form.get('end'))];
    return ['checkout', 'payments'].map((service, index) => ({
      seriesLabels: { __name__: 'http_request_duration_seconds_bucket', service },
      exemplars: Array.from({ length: 6 }, (_, turn) => {
        const timestamp = start + ((end - start) * (turn + 0.4 + index * 0.3)) / 6.5;
        return { labels: { trace_id: traceIdAt(timestamp * 1000) }, value: String(quantileOf(0.9, { service }, timestamp)), timestamp };
      }),
    }));
  })),
  http.all(`${API}/series`, (info) => answer(info, (form) => form.getAll('match[]').flatMap((match) => selected(match).map(({ metric }) => metric)))),
  http.all(`${API}/labels`, (info) => answer(info, () => [...new Set(allSeries().flatMap((one) => Object.keys(one)))].sort())),
  http.all<{ name: string }>(`${API}/label/:name/values`, (info) =>
    answer(info, (form) => {
      const match = form.get('match[]');
      const series = match ? selected(match).map(({ metric }) => metric) : allSeries();
      return [...new Set(series.flatMap((one) => one[String(info.params['name'])] ?? []))].sort();
    }),
  ),
  http.all(`${API}/metadata`, (info) => answer(info, () =>
    Object.fromEntries(Object.entries(METRICS).map(([name, { type, help, unit }]) => [name.replace(/_bucket$/, ''), [{ type, help, unit: unit ?? '' }]])),
  )),
];

async function answer({ request }: { request: Request }, act: (form: URLSearchParams) => unknown): Promise<Response> {
  const refused = refusedSession(request);
  if (refused) return refused;
  const form = request.method === 'POST' ? new URLSearchParams(await request.text()) : new URL(request.url).searchParams;
  try {
    return HttpResponse.json({ status: 'success', data: act(form) });
  } catch (cause) {
    const error = cause instanceof Error ? cause.message : String(cause);
    return HttpResponse.json({ status: 'error', errorType: 'bad_data', error }, { status: 400 });
  }
}

function allSeries(): Labels[] {
  return has('metrics') ? Object.values(METRICS).flatMap(({ series }) => series) : [];
}

interface Series {
  metric: Labels;
  at: (seconds: number) => number | null;
}

/** Enough of PromQL for the examples: one selector, rate, histogram_quantile, one aggregation with `by`. */
function evaluate(expr: string): Series[] {
  checkBrackets(expr);
  const selector = /([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?\s*(\[[^\]]*\])?(?=[\s)/*+-]|$)/g;
  const found = [...expr.matchAll(selector)].map(([text]) => text.replace(/\[[^\]]*\]/, '').trim()).find((text) => (text.split('{')[0] ?? '').trim() in METRICS);
  if (!found) return [];
  const series = selected(found).map((one) => (/\b(?:rate|increase|irate)\s*\(/.test(expr) ? { ...one, metric: without(one.metric, '__name__') } : one));
  const by = /\bby\s*\(([^)]*)\)/.exec(expr)?.[1]?.split(',').map((label) => label.trim());
  const quantile = /histogram_quantile\s*\(\s*([\d.]+)/.exec(expr)?.[1];
  if (quantile) return grouped(series, (by ?? ['service']).filter((label) => label !== 'le'), (_members, metric) => (time) => quantileOf(Number(quantile), metric, time));
  if (/\b(?:sum|avg|max|min|count)\b/.test(expr)) return grouped(series, by ?? [], aggregate(expr));
  return series;
}

function aggregate(expr: string) {
  const count = /\bcount\b/.test(expr);
  return (members: readonly Series[]) => (time: number) => {
    const values = members.flatMap(({ at }) => at(time) ?? []);
    return count ? values.length : values.reduce((sum, value) => sum + value, 0);
  };
}

function grouped(series: readonly Series[], by: readonly string[], combine: (members: readonly Series[], metric: Labels) => Series['at']): Series[] {
  const groups = new Map<string, { metric: Labels; members: Series[] }>();
  for (const one of series) {
    const metric = Object.fromEntries(by.flatMap((label) => (one.metric[label] === undefined ? [] : [[label, one.metric[label]]])));
    const group = groups.get(JSON.stringify(metric)) ?? { metric, members: [] };
    group.members.push(one);
    groups.set(JSON.stringify(metric), group);
  }
  return [...groups.values()].map(({ metric, members }) => ({ metric, at: combine(members, metric) }));
}

function selected(selector: string): Series[] {
  const [, name = '', braces = ''] = /^\s*([a-zA-Z_:][\w:]*)?\s*(?:\{([^}]*)\})?/.exec(selector) ?? [];
  const matchers = [...braces.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)];
  const metricName = name || (matchers.find(([, label]) => label === '__name__')?.[3] ?? '');
  const metric = METRICS[metricName];
  if (!metric || !has('metrics')) return [];
  return metric.series
    .filter((labels) => matchers.every(([, label = '', operator, value = '']) => matches(labels[label] ?? '', operator ?? '=', value)))
    .map((labels) => ({ metric: labels, at: (seconds) => metric.value(labels, seconds) }));
}

function matches(value: string, operator: string, wanted: string): boolean {
  const found = operator.includes('~') ? new RegExp(`^(?:${wanted})$`).test(value) : value === wanted;
  return operator.startsWith('!') ? !found : found;
}

function without(labels: Labels, name: string): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([label]) => label !== name));
}

function checkBrackets(expr: string): void {
  const open: number[] = [];
  [...expr].forEach((letter, index) => {
    if (letter === '(') open.push(index);
    if (letter === ')' && open.pop() === undefined) throw new Error(`1:${index + 1}: parse error: unexpected right parenthesis ")"`);
  });
  const left = open.at(-1);
  if (left !== undefined) throw new Error(`1:${left + 1}: parse error: unclosed left parenthesis`);
}

