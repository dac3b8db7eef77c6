'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const VERBS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace'];
  let api;
  let operations = [];

  // Text of the contracts only ever becomes text nodes, never markup.
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === 'class') element.className = value;
      else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, '');
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    for (const child of children.flat(9)) if (child != null && child !== false) element.append(child);
    return element;
  }

  const follow = (reference) =>
    reference.slice(2).split('/').reduce((at, key) => at && at[decodeURIComponent(key.replace(/~1/g, '/').replace(/~0/g, '~'))], api);

  // A schema together with what it refers to; what stands beside the reference wins.
  function whole(schema) {
    if (!schema || !schema.$ref) return schema || {};
    const { $ref, ...own } = schema;
    return { ...follow($ref), ...own, refName: $ref.split('/').pop() };
  }

  // Paragraphs, lists and `code` of a comment.
  function text(source) {
    const box = make('div', { class: 'text' });
    const inline = (line) => line.split('`').map((part, index) => (index % 2 ? make('code', {}, part) : part));
    for (const paragraph of (source || '').split(/\n{2,}/)) {
      let list;
      for (const line of paragraph.split('\n')) {
        const item = /^\s*[-*] (.*)/.exec(line);
        if (item) {
          if (!list) box.append((list = make('ul')));
          list.append(make('li', {}, inline(item[1])));
        } else if (line.trim()) {
          list = null;
          box.append(make('p', {}, inline(line)));
        }
      }
    }
    return box;
  }

  function typeName(schema) {
    const full = whole(schema);
    if (full.type === 'array') return `${typeName(full.items)}[]`;
    if (full.type === 'object' && full.additionalProperties && full.additionalProperties !== true)
      return `map of ${typeName(full.additionalProperties)}`;
    if (full.refName) return full.refName.split('.').pop();
    const format = full.format || (full.anyOf || []).map((one) => one.format).find(Boolean);
    const type = Array.isArray(full.type) ? full.type.join(' or ') : full.type || 'any';
    return format ? `${type} (${format})` : type;
  }

  const WORDS = {
    minLength: 'at least {} characters', maxLength: 'at most {} characters', minimum: 'at least {}', maximum: 'at most {}',
    exclusiveMinimum: 'more than {}', exclusiveMaximum: 'less than {}', minItems: 'at least {} items',
    maxItems: 'at most {} items', minProperties: 'at least {} entries', maxProperties: 'at most {} entries',
    pattern: 'matches {}', const: 'always {}',
  };

  function bounds(schema) {
    const said = [];
    for (const one of [schema, ...(schema.allOf || [])]) {
      for (const [key, words] of Object.entries(WORDS)) {
        if (one[key] !== undefined && !(key === 'pattern' && one.format === 'int64')) said.push(words.replace('{}', () => one[key]).replace(/^(.* 1 \w+?)(ie)?s$/, (_, start, y) => (y ? `${start}y` : start)));
      }
      if (one.uniqueItems) said.push('none twice');
      if (one.not && one.not.enum) said.push(`not ${one.not.enum.join(', ')}`);
      if (Array.isArray(one.enum) && !schema.refName) said.push(`one of ${one.enum.join(', ')}`);
    }
    const choice = (schema.anyOf || []).map((one) => bounds(one).join(', ') || ('const' in one ? 'empty' : '')).filter(Boolean);
    if (choice.some((one) => /^always $/.test(one))) said.push('may be empty');
    return said;
  }

  function inner(schema) {
    const full = whole(schema);
    if (full.type === 'array') return inner(full.items);
    if (full.additionalProperties && typeof full.additionalProperties === 'object') return inner(full.additionalProperties);
    return full.properties && Object.keys(full.properties).length ? full : full.enum && full.refName ? full : null;
  }

  function fields(schema, way) {
    const full = whole(schema);
    const required = full.required || [];
    const entries = Object.entries(full.properties || {})
      .filter(([, one]) => !(way === 'request' ? one.readOnly : one.writeOnly))
      .sort(([, a], [, b]) => (a['x-order'] || 0) - (b['x-order'] || 0));
    if (!entries.length) return make('p', { class: 'meta' }, 'No fields.');
    return make('ul', { class: 'fields' }, entries.map(([name, one]) => field(name, one, required.includes(name), way)));
  }

  function field(name, schema, must, way) {
    const full = whole(schema);
    const said = bounds(full);
    const comment = schema.description || (schema.$ref ? '' : full.description);
    const deeper = inner(schema);
    return make('li', {},
      make('div', {},
        make('span', { class: full.deprecated ? 'name old' : 'name' }, name), ' ',
        make('span', { class: 'type' }, typeName(schema)), ' ',
        must && make('span', { class: 'tag must' }, 'required'), ' ',
        full.deprecated && make('span', { class: 'tag' }, 'deprecated'), ' ',
        full['x-secret'] && make('span', { class: 'tag' }, 'secret'), ' ',
        full['x-personal-data'] && make('span', { class: 'tag' }, 'personal data')),
      comment && text(comment),
      said.length > 0 && make('div', { class: 'bounds' }, said.join(' · ')),
      deeper && lazy(deeper.enum ? 'Values' : `Fields of ${typeName(deeper)}`, () => deeper.enum ? values(deeper) : fields(deeper, way)));
  }

  function values(schema) {
    const told = schema['x-enum-descriptions'] || {};
    return make('ul', { class: 'fields' }, schema.enum.map((name) =>
      make('li', {}, make('span', { class: 'name' }, String(name)), told[name] && text(told[name]))));
  }

  // Schemas may hold themselves, so that what is inside is only made when it is opened.
  function lazy(title, content) {
    const box = make('details', {}, make('summary', {}, title));
    box.addEventListener('toggle', () => { if (box.open && box.children.length === 1) box.append(content()); });
    return box;
  }

  function copyable(source) {
    const button = make('button', { type: 'button', onclick: async () => {
      try { await navigator.clipboard.writeText(source()); button.textContent = 'Copied'; }
      catch { button.textContent = 'Select and copy it by hand'; }
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    } }, 'Copy');
    return button;
  }

  function list() {
    const wanted = byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = operations.filter((one) => wanted.every((word) => one.words.includes(word)));
    byId('count').textContent = wanted.length ? `${found.length} of ${operations.length} operations` : `${operations.length} operations`;
    const domains = new Map();
    for (const one of found) {
      const tags = domains.get(one.domain) || new Map();
      domains.set(one.domain, tags.set(one.tag, [...(tags.get(one.tag) || []), one]));
    }
    const open = decodeURIComponent(location.hash.slice(1));
    const item = (one) => make('li', {}, make('a', { href: `#${encodeURIComponent(one.id)}`, 'aria-current': one.id === open && 'page' },
      make('span', { class: `verb ${one.verb}` }, one.verb === 'delete' ? 'del' : one.verb),
      make('span', { class: one.operation.deprecated ? 'old' : '' }, one.name)));
    byId('list').replaceChildren(...[...domains].map(([domain, tags]) =>
      make('details', { open: wanted.length > 0 || [...tags.values()].flat().some((one) => one.id === open) },
        make('summary', {}, domain),
        [...tags].map(([tag, own]) => make('details', { open: true },
          make('summary', {}, (api.tags.find((one) => one.name === tag) || {})['x-displayName'] || tag),
          make('ul', {}, own.map(item)))))));
  }

  function start() {
    const info = make('div', {}, make('h2', {}, api.info.title), make('p', { class: 'meta' }, `Version ${api.info.version} · OpenAPI ${api.openapi} · `,
      make('a', { href: '/openapi.json' }, 'openapi.json')), text(api.info.description));
    const domains = new Map();
    for (const tag of api.tags) domains.set(tag['x-package'], [...(domains.get(tag['x-package']) || []), tag]);
    for (const [name, tags] of domains) {
      info.append(make('h3', {}, name, ' ', make('a', { class: 'meta', href: `/openapi/${name}.json` }, 'as a document')));
      for (const tag of tags) {
        const first = operations.find((one) => one.tag === tag.name);
        info.append(make('p', {}, make('a', { href: first ? `#${encodeURIComponent(first.id)}` : '#' }, tag['x-displayName'])), text(tag.description));
      }
    }
    return info;
  }

  function show(one) {
    const { operation, verb, path } = one;
    const parameters = (operation.parameters || []).map((raw) => (raw.$ref ? follow(raw.$ref) : raw));
    const body = operation.requestBody && operation.requestBody.content;
    const media = body && Object.keys(body)[0];
    const box = make('article', {},
      make('p', { class: 'meta' }, operation['x-grpc-method']),
      make('h2', { class: operation.deprecated ? 'old' : '' }, operation.summary),
      make('div', { class: 'route' }, make('span', { class: `verb ${verb}` }, verb), make('code', {}, path)),
      make('p', {}, (operation.security || []).length ? [make('span', { class: 'tag' }, operation['x-permission'] ? `needs ${operation['x-permission']}` : 'signed in'), ' ']
        : make('span', { class: 'tag' }, 'no token needed')),
      text(operation.description));
    for (const [where, title] of [['path', 'Path'], ['query', 'Query']]) {
      const own = parameters.filter((parameter) => parameter.in === where);
      if (!own.length) continue;
      box.append(make('h3', {}, `${title} parameters`), make('ul', { class: 'fields' }, own.map((parameter) => {
        const schema = parameter.schema || Object.values(parameter.content)[0].schema;
        return field(parameter.name, { ...schema, description: parameter.description, deprecated: parameter.deprecated }, parameter.required, 'request');
      })));
    }
    if (media) box.append(make('h3', {}, 'Body ', make('span', { class: 'type' }, media)), fields(body[media].schema.items || body[media].schema, 'request'));
    box.append(make('h3', {}, 'Answers'), answers(operation), make('h3', {}, 'Try it'), attempt(one, parameters, media));
    return box;
  }

  function answers(operation) {
    const box = make('div', { class: 'answers' });
    for (const [status, raw] of Object.entries(operation.responses)) {
      const answer = raw.$ref ? { ...follow(raw.$ref), ...raw } : raw;
      const types = Object.keys(answer.content || {});
      const row = lazy('', () => make('div', {}, text(answer.description), types.length > 0 && make('p', { class: 'meta' }, types.join(', ')),
        types.length > 0 && fields(answer.content[types[0]].schema.items || answer.content[types[0]].schema, 'response'),
        types.length > 0 && answer.content[types[0]].example !== undefined && lazy('Example', () => make('pre', { tabindex: 0 }, JSON.stringify(answer.content[types[0]].example, null, 2)))));
      row.firstChild.append(make('span', { class: `status ${status >= 400 ? 'fail' : ''}` }, status), ' ', (answer.description || '').split(/\n|\. /)[0]);
      if (status === '200') row.open = true;
      box.append(row);
    }
    return box;
  }

  function attempt(one, parameters, media) {
    const needed = (parameter) => parameter.required || parameter.in === 'path';
    const inputs = new Map();
    const form = make('form', { class: 'try' });
    for (const parameter of parameters) {
      const input = make('input', { type: 'text', value: needed(parameter) ? String(parameter.example ?? '') : '', spellcheck: 'false', autocomplete: 'off' });
      inputs.set(parameter, input);
      form.append(make('label', {}, `${parameter.name}${needed(parameter) ? ' (required)' : ''}`, input));
    }
    const body = media === 'application/json' && make('textarea', { spellcheck: 'false' });
    if (body) {
      body.value = JSON.stringify(one.operation.requestBody.content[media].example, null, 2);
      form.append(make('label', {}, 'body', body));
    }
    const request = () => {
      let path = one.path;
      const query = new URLSearchParams();
      for (const [parameter, input] of inputs) {
        if (parameter.in === 'path') {
          const value = encodeURIComponent(input.value);
          path = path.replace(`{${parameter.name}}`, () => (parameter['x-segments'] ? value.replace(/%2F/gi, '/') : value));
        } else if (input.value !== '') {
          for (const value of parameter.style === 'form' ? input.value.split(',') : [input.value])
            if (parameter.style === 'deepObject') {
              const [key, ...rest] = value.split('=');
              query.append(`${parameter.name}[${key}]`, rest.join('='));
            } else query.append(parameter.name, value);
        }
      }
      return { url: path + (String(query) && `?${query}`), body: body ? body.value : undefined };
    };
    const quoted = (value) => `'${value.replace(/'/g, `'\\''`)}'`;
    const asCommand = () => {
      const { url, body: sent } = request();
      const lines = [`curl -X ${one.verb.toUpperCase()} ${quoted(location.origin + url)}`];
      if ((one.operation.security || []).length) lines.push(`-H "authorization: Bearer $TOKEN"`);
      if (sent !== undefined) lines.push(`-H 'content-type: application/json'`, `-d ${quoted(sent)}`);
      return lines.join(' \\\n  ');
    };
    const command = make('pre', { tabindex: 0, 'aria-label': 'The call as a command' }, asCommand());
    form.addEventListener('input', () => { command.textContent = asCommand(); });
    const result = make('div', { role: 'status' });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const { url, body: sent } = request();
      const token = byId('token').value.trim();
      const headers = { accept: 'application/json' };
      if (token) headers.authorization = `Bearer ${token.replace(/^Bearer /i, '')}`;
      if (sent !== undefined) headers['content-type'] = 'application/json';
      result.replaceChildren(make('p', { class: 'meta' }, 'Calling …'));
      const begun = performance.now();
      try {
        const response = await fetch(url, { method: one.verb.toUpperCase(), headers, body: sent, credentials: 'omit' });
        const raw = await response.text();
        let shown = raw;
        try { shown = JSON.stringify(JSON.parse(raw), null, 2); } catch { /* Not JSON: shown as it came. */ }
        result.replaceChildren(make('p', { class: response.ok ? 'status' : 'status fail' }, `${response.status} in ${Math.round(performance.now() - begun)} ms`,
          ` · request ${response.headers.get('x-request-id') || 'without id'}`), make('pre', { tabindex: 0 }, shown || '(empty)'));
      } catch (error) {
        result.replaceChildren(make('p', { class: 'fail' }, `The call did not come through: ${error.message}`));
      }
    });
    form.append(make('div', { class: 'bar' }, make('button', { class: 'send', type: 'submit' }, 'Send'),
      make('span', { class: 'meta' }, 'It is a real call, with what it changes.')), result);
    return make('div', {}, make('div', { class: 'bar' }, make('strong', {}, 'curl'), copyable(asCommand)), command, form);
  }

  function route() {
    const id = decodeURIComponent(location.hash.slice(1));
    const one = operations.find((each) => each.id === id);
    const main = byId('main');
    main.replaceChildren(one ? show(one) : start());
    document.title = one ? `${one.operation.summary} · ${api.info.title}` : api.info.title;
    list();
    byId('side').classList.remove('open');
    byId('menu').setAttribute('aria-expanded', 'false');
    scrollTo(0, 0);
    const current = document.querySelector('[aria-current]');
    if (current) current.scrollIntoView({ block: 'nearest' });
    if (one) main.focus({ preventScroll: true });
  }

  async function load() {
    try {
      const response = await fetch('/openapi.json');
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      api = await response.json();
    } catch (error) {
      byId('main').replaceChildren(make('p', { class: 'fail' }, `The contracts could not be loaded: ${error.message}`));
      return;
    }
    byId('title').textContent = api.info.title;
    for (const [path, item] of Object.entries(api.paths)) {
      for (const [verb, operation] of [...Object.entries(item), ...Object.entries(item['x-additional-operations'] || {})]) {
        if (!operation.operationId) continue;
        const tag = operation.tags[0];
        const domain = (api.tags.find((one) => one.name === tag) || {})['x-package'] || tag;
        const method = operation['x-grpc-method'].split('/').pop();
        operations.push({ id: operation.operationId, verb, path, operation, tag, domain, name: method,
          words: [path, operation.operationId, operation.summary, operation['x-permission'], tag].join(' ').toLowerCase() });
      }
    }
    const rank = (one) => VERBS.indexOf(one.verb);
    operations.sort((a, b) => a.domain.localeCompare(b.domain) || a.tag.localeCompare(b.tag) || a.path.localeCompare(b.path) || rank(a) - rank(b));
    byId('search').addEventListener('input', list);
    addEventListener('hashchange', route);
    route();
  }

  byId('menu').addEventListener('click', () => {
    const open = byId('side').classList.toggle('open');
    byId('menu').setAttribute('aria-expanded', String(open));
  });
  addEventListener('keydown', (event) => {
    if (event.key === '/' && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      byId('side').classList.add('open');
      byId('search').focus();
    }
  });
  load();
})();
