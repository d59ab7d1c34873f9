// What a publication changed: names of definitions and settings files.
import { html } from '../vendor/core.js';
import { segmentHref } from '../router.js';
import { t } from '../words.js';

export const CHANGES = ['added', 'changed', 'rewritten', 'removed'];
const SETTINGS = /\.yaml$/;

const Name = ({ name }) => SETTINGS.test(name) ? html`<code>${name}</code>` : html`<a href=${segmentHref(name)}>${name}</a>`;

export const Changed = ({ row }) => html`<ul class="changed">${CHANGES.filter((kind) => row[kind].length).map((kind) => html`<li key=${kind}>${t(`names_${kind}`)}: ${row[kind].map((each, index) => html`${index ? ', ' : ''}<${Name} name=${each} />`)}</li>`)}</ul>`;
