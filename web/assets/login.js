/**
 * The login page: a wait before the next attempt is counted down.
 *
 *   [data-wait]   the seconds to wait; the form's button is off meanwhile
 */
const notice = document.querySelector("[data-wait]");
const button = document.querySelector("[type=submit]");

if (notice) {
  const until = Date.now() + notice.dataset.wait * 1000;
  const label = button.textContent;
  button.disabled = true;
  const timer = setInterval(show, 250);
  show();

  function show() {
    const left = Math.ceil((until - Date.now()) / 1000);
    button.textContent = left > 0 ? `${label} in ${left} s` : label;
    if (left > 0) return;
    clearInterval(timer);
    button.disabled = false;
    notice.hidden = true;
  }
}
