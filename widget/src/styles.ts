/** The element's style sheet. Its first rule must be the one for :host: the colours are set there. */

import host from "./styles/host.css";
import launcher from "./styles/launcher.css";
import answer from "./styles/answer.css";
import panel from "./styles/panel.css";

export const styles = launcher + host + panel + answer;
