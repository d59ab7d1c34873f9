// What may be written at a place of a definition: events and properties that occur, functions, fields, keys.
import { t } from '../words.js';

const WORDS_AFTER = ['and', 'or', 'not', 'within', 'where', 'is known', 'is missing', 'since last', 'in', 'contains', 'starts with'];
const NEAR = 400;

const plain = (name) => !/['"\\\n\r]/.test(name);

const seenInfo = (each) => [
  each.type ? t('word_type', { type: each.type }) : '',
  each.examples?.length ? t('word_examples', { examples: each.examples.join(', ') }) : '',
].filter(Boolean).join('\n');

const eventInfo = (each) => each.properties.length
  ? t('word_properties', { properties: each.properties.slice(0, 12).map((one) => one.name).join(', ') })
  : '';

function quotedOptions(words, before) {
  if (/segment(s)?\(\s*['"]$/.test(before) || /(entered|left|times)\w*\(\s*['"]$/.test(before)) return words.segments.map((label) => ({ label, type: 'segment' }));
  if (/score\(\s*['"]$/.test(before)) return words.scores.map((label) => ({ label, type: 'score' }));
  return words.events
    .filter((each) => each.kind === 'track' && plain(each.name))
    .map((each) => ({ label: each.name, type: 'event', detail: t('word_count', { n: each.count }), info: eventInfo(each) || undefined }));
}

/** Properties of the events that are named near a place; of all events if none of them occurs. */
function propertiesNear(words, text, pos) {
  const near = text.slice(Math.max(0, pos - NEAR), pos + NEAR);
  const named = words.events.filter((each) => (each.name ? near.includes(`'${each.name}'`) || near.includes(`"${each.name}"`) : new RegExp(`\\b${each.kind}\\b`).test(near)));
  const found = new Map();
  for (const event of named.length ? named : words.events) {
    for (const each of event.properties) {
      if (!found.has(each.name)) found.set(each.name, { label: each.name, type: 'property', detail: t('word_count', { n: each.count }), info: seenInfo(each) || undefined, boost: 2 });
    }
  }
  return [...found.values()];
}

function expressionOptions(cm, words, text, pos) {
  const template = (text) => text.replace("'...'", "'${}'").replace("'...'", "'${}'");
  const functions = words.functions.map((each) => cm.snippetCompletion(template(each.text), { label: each.text, detail: each.says, type: 'function', boost: 1 }));
  const fields = words.fields.map((each) => (each.text.includes("'...'")
    ? cm.snippetCompletion(template(each.text), { label: each.text, detail: each.says, type: 'field' })
    : { label: each.text, detail: each.says, type: 'field' }));
  const below = (root, all) => all.map((each) => ({ label: `${root}.${each.name}`, detail: t('word_count', { n: each.count }), info: seenInfo(each) || undefined, type: 'field' }));
  const kinds = words.events.filter((each) => each.kind !== 'track').map((each) => ({ label: each.kind, detail: t('word_count', { n: each.count }), type: 'event' }));
  return [
    ...functions, ...fields, ...propertiesNear(words, text, pos), ...kinds,
    ...below('traits', words.traits), ...below('context', words.context),
    ...WORDS_AFTER.map((label) => ({ label, type: 'keyword', boost: -1 })),
  ];
}

/** A source of completions for CodeMirror; `words()` gives the vocabulary, or null while it is not there. */
export const completions = (cm, words) => (context) => {
  const known = words();
  if (!known) return null;
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const quoted = /(['"])([^'"]*)$/.exec(before);
  const inside = quoted && (before.split(quoted[1]).length - 1) % 2 === 1;
  if (inside) {
    const start = before.slice(0, quoted.index + 1);
    return { from: context.pos - quoted[2].length, options: quotedOptions(known, start), validFor: /^[^'"]*$/ };
  }
  const word = context.matchBefore(/[\w.]*/);
  if (!context.explicit && word.from === word.to) return null;
  if (/^\w*$/.test(before)) {
    const options = known.keys.map((each) => ({ label: each.text, apply: `${each.text}: `, detail: each.says, type: 'key' }));
    return { from: word.from, options, validFor: /^\w*$/ };
  }
  return { from: word.from, options: expressionOptions(cm, known, context.state.sliceDoc(), context.pos), validFor: /^[\w.]*$/ };
};

export const occurs = (words, name) => {
  const found = words?.events.find((each) => each.name === name || (each.kind === name && !each.name));
  return found ? t('word_count', { n: found.count }) : null;
};
