// Work that may wait until a key stroke is on the screen.
import { useEffect, useRef } from '../vendor/core.js';

const LATEST_MS = 100;

/** `ask` has the work done once after the next frame, however often it is asked until then; `now` does it at once if it was asked for; `drop` forgets it. */
export function useAfterFrame(work) {
  const latest = useRef(work);
  latest.current = work;
  const made = useRef(null);
  if (made.current === null) {
    let frame = 0;
    let timer = 0;
    const drop = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      frame = timer = 0;
    };
    const now = () => {
      if (!timer) return;
      drop();
      latest.current();
    };
    const ask = () => {
      if (timer) return;
      timer = setTimeout(now, LATEST_MS);  // a page that is hidden has no frames
      frame = requestAnimationFrame(() => {
        clearTimeout(timer);
        timer = setTimeout(now);
      });
    };
    made.current = { ask, now, drop };
  }
  useEffect(() => made.current.now, []);
  return made.current;
}
