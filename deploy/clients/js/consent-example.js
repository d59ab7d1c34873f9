// The script of consent.html: events are sent once the visitor agrees to being counted.
import { makeSender } from "./shoal.js";

const { url, writeKey } = document.querySelector("script[data-purposes]").dataset;
const sender = makeSender({ url, writeKey, consent: () => shoalConsent.answer(), needs: "analytics" });
const failed = (error) => console.error(error);
sender.page("Home").catch(failed);
document.getElementById("add").onclick = () =>
  sender.track("Product Added", { product_id: "A1", price: 79.5, quantity: 1 }).catch(failed);
document.getElementById("settings").onclick = () => shoalConsent.open();
