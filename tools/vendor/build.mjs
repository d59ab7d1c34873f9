// Bundles the libraries of the console's pages: node build.mjs TARGET, after npm ci.
import { build } from 'esbuild';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const target = process.argv[2];
await mkdir(target, { recursive: true });

const core = `
export { h, render, Fragment, createContext } from 'preact';
export { useState, useEffect, useRef, useMemo, useCallback, useContext, useLayoutEffect } from 'preact/hooks';
import { h } from 'preact';
import htm from 'htm';
export const html = htm.bind(h);
`;
const chart = `export { default } from 'uplot';`;
const editor = `
export { EditorState, Compartment } from '@codemirror/state';
export { EditorView, drawSelection, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view';
export { defaultKeymap, history, historyKeymap, undo, redo } from '@codemirror/commands';
export { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from '@codemirror/language';
export { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, snippetCompletion, startCompletion } from '@codemirror/autocomplete';
export { forceLinting, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
export { yaml } from '@codemirror/lang-yaml';
export { tags } from '@lezer/highlight';
`;

for (const [name, contents] of Object.entries({ 'core.js': core, 'uplot.js': chart, 'editor.js': editor })) {
  await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    outfile: join(target, name),
    bundle: true, format: 'esm', minify: true, legalComments: 'none', target: 'es2022',
  });
  const made = await readFile(join(target, name), 'utf-8');
  await writeFile(join(target, name), made.trimEnd() + '\n');
}
const style = await readFile('node_modules/uplot/dist/uPlot.min.css', 'utf-8');
await writeFile(join(target, 'uplot.css'), style.trimEnd() + '\n');

const lock = JSON.parse(await readFile('package-lock.json', 'utf-8'));
const tools = /^node_modules\/(@?esbuild\b.*)$/;
const names = Object.keys(lock.packages).filter((each) => each && !tools.test(each)).map((each) => each.replace('node_modules/', ''));
const licences = [];
for (const name of names.sort()) {
  const { version, license } = JSON.parse(await readFile(`node_modules/${name}/package.json`, 'utf-8'));
  const text = await readFile(`node_modules/${name}/LICENSE`, 'utf-8');
  licences.push(`${name} ${version}, ${license}\n\n${text.replaceAll('\r', '').trim()}\n`);
}
await writeFile(join(target, 'LICENSES'), licences.join('\n' + '-'.repeat(80) + '\n\n'));
