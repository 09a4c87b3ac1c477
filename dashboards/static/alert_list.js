// The list of alerts: open ones on top. Tells the server which vehicle was chosen.
export default {
  template: `
    <ul class="alerts" role="log" aria-live="polite" aria-label="Alerts, newest first">
      <li v-for="alert in alerts" :key="alert.id" :class="['alert', alert.open ? 'is-open severity-' + alert.severity : 'is-closed']"
          :data-alert="alert.id" :data-state="alert.state">
        <button type="button" :title="alert.message" @click="$emit('choose', alert.vehicle)" :aria-label="'Show vehicle ' + alert.vehicle">
          <span class="alert-head">
            <span class="alert-state">{{ alert.open ? alert.severity : alert.state }}</span>
            <span class="alert-vehicle">{{ alert.vehicle }}</span>
            <time class="alert-time" :datetime="new Date(alert.ts).toISOString()">{{ clock(alert.ts) }}</time>
          </span>
          <span class="alert-text">{{ alert.text }}</span>
          <span class="alert-more">{{ alert.region }} · raised {{ clock(alert.raised) }}</span>
        </button>
      </li>
    </ul>`,
  props: { alerts: Array },
  emits: ["choose"],
  methods: {
    clock(ms) {
      return new Date(ms).toLocaleTimeString([], { hour12: false });
    },
  },
};
