// The switch to the other language.
import { html } from '../vendor/core.js';
import { otherLanguage, speak, t } from '../words.js';

export const Language = () => html`<button class="plain" lang=${otherLanguage} onClick=${() => speak(otherLanguage)}>${t('language_other')}</button>`;
