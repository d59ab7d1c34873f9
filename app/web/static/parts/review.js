// Reviews of drafts: their state in words, and sending something for review.
import { html } from '../vendor/core.js';
import { ask } from '../api.js';
import { reviewHref } from '../router.js';
import { t } from '../words.js';
import { Time } from './states.js';

/** Keeps a proposal as a draft, and sends it for review. Returns the draft. */
export async function propose(body, message) {
  const made = await ask('drafts', { method: 'POST', body: { text: '', ...body } });
  return ask(`drafts/${made.id}/review`, { method: 'POST', body: { revision: made.revision, message } });
}

export const Who = ({ name }) => name ? html`<bdi>${name}</bdi>` : html`<span class="quiet">${t('nobody')}</span>`;

export const whatOf = (draft) => draft.name || draft.text.trim().split('\n')[0] || (draft.to ? t('review_back_to', { number: draft.to }) : draft.id);

export function ReviewState({ review }) {
  if (!review) return html`<span class="quiet">${t('review_none')}</span>`;
  const by = review.decided ? review.decided_by : review.asked_by;
  return html`<span>${t(`review_${review.state}`, { number: String(review.publication) })}: <${Who} name=${by} /> <${Time} at=${review.decided ?? review.asked} /></span>`;
}

export const Proposed = ({ draft }) => html`<p class="fine" role="status">${t('review_sent')} <a href=${reviewHref(draft)}>${t('review_see')}</a></p>`;
