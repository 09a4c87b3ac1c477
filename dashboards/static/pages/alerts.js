// Not drawn yet.
import { empty, h, replace } from "../lib/dom.js";

export function show(root) {
  replace(root, h(".panel", {}, empty("Nothing here yet", "This page comes with its tables.")));
}
