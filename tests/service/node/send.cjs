// Sends as a shop's server would, and says what came of it.
const { Analytics } = require(process.env.MODULES + "/@segment/analytics-node");

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, flushAt: 2, httpRequestTimeout: 10000 });
const errors = [];
analytics.on("error", (error) => errors.push(String(error.code) + " " + String(error.reason)));
analytics.identify({ userId: "n-1", traits: { plan: "pro" } });
for (let number = 0; number < 5; number++) {
  analytics.track({ userId: "n-1", event: "Product Viewed", properties: { product_id: "P" + number } });
}
analytics.closeAndFlush().then(() => console.log(JSON.stringify(errors)));
