// Texts to begin with, as the shops of the Segment specification name their events.
const TEXTS = {
  empty: `segment: my-segment
title: Looked at three products
when: count('Product Viewed' within 7d) >= 3
`,
  cart: `segment: left-a-cart
title: Left something in the cart
when: cart.items > 0 and cart.idle >= 30m and cart.idle < 24h
attach:
  value: cart.value
tests:
  - name: enters after half an hour of silence
    events:
      - {at: 0m, event: Product Added, properties: {product_id: A1, price: 20, quantity: 2}}
    expect:
      - {at: 29m, in: false}
      - {at: 30m, in: true}
`,
  interest: `segment: interested-and-did-not-buy
title: Looked at products often and did not buy
when: >
  count('Product Viewed' within 7d) >= 5
  and never('Order Completed' within 7d)
tests:
  - name: five looks within a week
    events:
      - {at: 0m, event: Product Viewed}
      - {at: 1m, event: Product Viewed}
      - {at: 2m, event: Product Viewed}
      - {at: 3m, event: Product Viewed}
      - {at: 4m, event: Product Viewed}
    expect:
      - {at: 3m, in: false}
      - {at: 4m, in: true}
`,
  spender: `segment: big-spenders
title: Spent much in three months
when: sum(revenue of 'Order Completed' within 90d) >= 500
attach:
  spent: sum(revenue of 'Order Completed' within 90d)
tests:
  - name: two orders
    events:
      - {at: 0m, event: Order Completed, properties: {revenue: 300}}
      - {at: 1d, event: Order Completed, properties: {revenue: 250}}
    expect:
      - {at: 1h, in: false}
      - {at: 1d, in: true, attach: {spent: 550}}
      - {at: 91d, in: false}
`,
  lapsed: `segment: have-not-come-back
title: Bought once and have not come back for two months
when: exists('Order Completed' within 180d) and user.idle >= 60d
tests:
  - name: sixty days of silence
    events:
      - {at: 0m, event: Order Completed, properties: {revenue: 30}}
    expect:
      - {at: 59d, in: false}
      - {at: 60d, in: true}
`,
};

export const STARTS = Object.keys(TEXTS);
/** A text about who is on a list and came lately; '' for what is no name of a list. */
export const listText = (list) => (/^[a-z0-9][a-z0-9-]*$/.test(list ?? '') ? `segment: on-${list}
when: list('${list}') and exists(page within 7d)
` : '');
export const startText = (name) => TEXTS[name];
