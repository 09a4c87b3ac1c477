// One WebSocket for all pages: it is made again when it breaks, and says what is shown so that it is told no more than that.
import { FleetStore } from "./fleet_store.js";

const FIRST_WAIT_MS = 300, LONGEST_WAIT_MS = 5000;

class Live extends EventTarget {
  constructor() {
    super();
    this.fleet = new FleetStore();
    this.alerts = new Map();
    this.figures = null;
    this.feeds = {};
    this.goldVersion = -1;
    this.vehicle = null;
    this.isOpen = false;
    this.asked = { fleet: false, vehicle: "" };
    this.wait = FIRST_WAIT_MS;
  }

  start() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.isOpen = true;
      this.say();
      this.tell("connection");
    };
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.hear(JSON.parse(data)) : this.tell("fleet", this.fleet.take(data)));
    socket.onclose = () => {
      this.isOpen = false;
      this.tell("connection");
      setTimeout(() => this.again(), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
    };
  }

  // A session that ended while the server was away leads to the sign-in, not to endless tries.
  async again() {
    const answer = await fetch("/api/me", { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer?.status === 401) location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
    else this.start();
  }

  hear(told) {
    if (told.type === "vehicles") {
      this.fleet.name(told);
      this.tell("names");
    } else if (told.type === "alerts") {
      if (told.all) this.alerts.clear();
      for (const alert of told.alerts) this.alerts.set(alert.alert_id, alert);
      this.tell("alerts", told);
    } else if (told.type === "figures") {
      Object.assign(this, { figures: told.figures, feeds: told.feeds, goldVersion: told.gold_version });
      this.tell("figures");
    } else if (told.type === "vehicle" && told.id === this.asked.vehicle) {
      this.vehicle = told;
      this.tell("vehicle");
    }
  }

  show(asked) {
    this.asked = { fleet: false, vehicle: "", ...asked };
    this.vehicle = null;
    this.say();
  }

  say() {
    if (this.isOpen) this.socket.send(JSON.stringify(this.asked));
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const live = new Live();
export const CLOSED = new Set(["cleared", "retracted"]);
// Those that wait for a person: nobody and nothing has silenced them.
export const openAlerts = () => [...live.alerts.values()].filter((alert) => !CLOSED.has(alert.state) && !alert.suppressed_by);
