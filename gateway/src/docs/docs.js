// Renders /openapi.json. Plain DOM, no dependencies, text set as text only.

const VERBS = ['get', 'post', 'put', 'patch', 'delete'];

const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.filter((child) => child != null));
  return made;
};

// Text in which `backticks` are code.
const prose = (name, className, text) =>
  element(
    name,
    className,
    ...text.split('`').map((part, at) => (at % 2 ? element('code', '', part) : part)),
  );

const resolve = (api, schema) =>
  schema?.$ref ? schema.$ref.split('/').slice(1).reduce((at, key) => at[key], api) : schema;

const nameOf = (schema) => schema?.$ref?.split('/').pop();

function typeOf(api, schema) {
  if (!schema) return '';
  if (schema.$ref) {
    const resolved = resolve(api, schema);
    return resolved.enum ? resolved.enum.join(' | ') : nameOf(schema);
  }
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map((choice) => typeOf(api, choice)).join(' | ');
  if (schema.type === 'array') return `${typeOf(api, schema.items)}[]`;
  if (schema.enum) return schema.enum.join(' | ');
  const type = [schema.type ?? 'any'].flat().join(' | ');
  return schema.format ? `${type} (${schema.format})` : type;
}

// A value of the schema's shape, from its examples where it has them.
function exampleOf(api, schema, depth = 0) {
  const resolved = resolve(api, schema) ?? {};
  if (resolved.example !== undefined) return resolved.example;
  if (depth > 5) return null;
  if (resolved.allOf) {
    return Object.assign({}, ...resolved.allOf.map((part) => exampleOf(api, part, depth + 1)));
  }
  const choices = resolved.oneOf ?? resolved.anyOf;
  if (choices) {
    const some = choices.find((choice) => choice.type !== 'null');
    return exampleOf(api, some, depth + 1);
  }
  if (resolved.enum) return resolved.enum[0];
  const type = [resolved.type].flat().find((name) => name !== 'null');
  if (type === 'object') {
    const properties = Object.entries(resolved.properties ?? {});
    return Object.fromEntries(
      properties.map(([name, property]) => [name, exampleOf(api, property, depth + 1)]),
    );
  }
  if (type === 'array') return [exampleOf(api, resolved.items, depth + 1)];
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return false;
  if (resolved.format === 'uuid') return '0192f0c1-2b3c-7d4e-8f50-123456789abc';
  if (resolved.format === 'date-time') return '2026-11-01T02:41:00Z';
  return type === 'string' ? '…' : null;
}

const bodyOf = (content) => Object.values(content ?? {})[0]?.schema;

function table(rows) {
  const body = rows.map(([name, type, required, text]) =>
    element(
      'tr',
      '',
      element(
        'td',
        '',
        element('code', '', name),
        required ? element('span', 'required', ' required') : null,
      ),
      element('td', '', element('span', 'type', type), text ? prose('div', '', text) : null),
    ),
  );
  return element('table', '', element('tbody', '', ...body));
}

function parameters(api, operation) {
  const rows = (operation.parameters ?? []).map((parameter) => [
    parameter.name,
    typeOf(api, parameter.schema),
    parameter.required,
    parameter.description,
  ]);
  return rows.length ? [element('h4', '', 'Parameters'), table(rows)] : [];
}

function requestBody(api, operation) {
  const schema = bodyOf(operation.requestBody?.content);
  if (!schema) return [];
  const example = JSON.stringify(exampleOf(api, schema), null, 2);
  return [element('h4', '', 'Body'), element('pre', '', example)];
}

function responses(api, operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const schema = bodyOf(response.content);
    return [status, schema ? typeOf(api, schema) : '', false, response.description];
  });
  const parts = [element('h4', '', 'Answers'), table(rows)];
  const success = bodyOf(operation.responses['200']?.content ?? operation.responses['201']?.content);
  if (success) {
    const example = JSON.stringify(exampleOf(api, success), null, 2);
    parts.push(element('details', '', element('summary', '', 'Example'), element('pre', '', example)));
  }
  return parts;
}

function section(api, { path, verb, operation }) {
  const needs = operation['x-action'] ? `needs leave for ${operation['x-action']}` : 'public';
  const made = element(
    'section',
    'operation',
    element('h3', '', operation.summary ?? operation.operationId),
    element(
      'div',
      'line',
      element('span', `verb ${verb}`, verb),
      element('span', 'path', path),
      element('span', 'needs', needs),
    ),
    operation.description ? prose('p', '', operation.description) : null,
    ...parameters(api, operation),
    ...requestBody(api, operation),
    ...responses(api, operation),
  );
  made.id = operation.operationId;
  return made;
}

function byTag(api) {
  const tags = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const verb of VERBS.filter((name) => item[name])) {
      const operation = item[verb];
      const tag = operation.tags?.[0] ?? 'other';
      tags.set(tag, [...(tags.get(tag) ?? []), { path, verb, operation }]);
    }
  }
  return tags;
}

function matches(words, { path, verb, operation }) {
  const text = `${verb} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function render(api, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const contents = document.getElementById('contents');
  const main = document.getElementById('operations');
  contents.replaceChildren();
  main.replaceChildren(prose('p', 'intro', api.info.description));
  for (const [tag, all] of byTag(api)) {
    const found = all.filter((entry) => matches(words, entry));
    if (!found.length) continue;
    contents.append(element('h2', '', tag));
    main.append(element('h2', '', tag));
    for (const entry of found) {
      const link = element('a', '', entry.operation.summary ?? entry.operation.operationId);
      link.href = `#${entry.operation.operationId}`;
      contents.append(link);
      main.append(section(api, entry));
    }
  }
}

async function start() {
  const response = await fetch('/openapi.json');
  if (!response.ok) throw new Error(`/openapi.json answered ${response.status}`);
  const api = await response.json();
  document.getElementById('version').textContent = api.info.version;
  const search = document.getElementById('search');
  search.addEventListener('input', () => render(api, search.value));
  render(api, '');
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

start().catch((error) => {
  document.getElementById('operations').textContent = `The document cannot be shown: ${error.message}`;
});
