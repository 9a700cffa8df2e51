/** Times in the reader's zone and language; as they were sent they become the title. */
export function showLocalTimes(): void {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const element of document.querySelectorAll("time")) {
    element.title = element.textContent;
    element.textContent = format.format(new Date(element.dateTime));
  }
}
