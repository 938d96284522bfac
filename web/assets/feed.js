/**
 * The feed of events of a page, which can be held.
 *
 *   #tail-pause   holds it, or lets it go on
 */

/** hold holds the page's feed, or lets it go on. It returns whether the feed was held. */
export function hold(isHeld) {
  const button = document.querySelector("#tail-pause");
  if (!button) return false;
  const wasHeld = button.ariaPressed === "true";
  button.ariaPressed = String(isHeld);
  button.querySelector(".pause-label").textContent = isHeld ? "Resume" : "Pause";
  return wasHeld;
}
