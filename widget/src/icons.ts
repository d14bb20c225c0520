/** The icons, as paths on a 24 by 24 grid, drawn with a round 2 px line. */

export const CHAT = "M21 11.5a8.5 8 0 0 1-12.3 7.2L3.5 20.5l1.6-5A8.5 8 0 1 1 21 11.5Z";
export const DOWN = "m6 9.5 6 6 6-6";
export const CLOSE = "m6 6 12 12M18 6 6 18";
export const SEND = "M12 19V5.5m-6 6 6-6 6 6";
export const STOP = "M8 8h8v8H8Z";
export const NEW = "M12 4H6.5A2.5 2.5 0 0 0 4 6.5v11A2.5 2.5 0 0 0 6.5 20h11a2.5 2.5 0 0 0 2.5-2.5V12m-1.6-7.4a1.9 1.9 0 0 1 2.7 2.7L13 14.5l-3.5.8.8-3.5Z";
export const UP = "M7 11v9H4.5A1.5 1.5 0 0 1 3 18.5v-6A1.5 1.5 0 0 1 4.5 11Zm0 0 4-8a2.5 2.5 0 0 1 2.5 2.5V9h5.3a2 2 0 0 1 2 2.3l-1.2 7a2 2 0 0 1-2 1.7H7";
export const COPY = "M9 9h9.5A1.5 1.5 0 0 1 20 10.5v8a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 9 18.5Zm-3 6h-.5A1.5 1.5 0 0 1 4 13.5v-8A1.5 1.5 0 0 1 5.5 4h8A1.5 1.5 0 0 1 15 5.5V6";
export const CHECK = "m5 12.5 4.5 4.5L19 7.5";
export const OUT = "M14 5h5v5m0-5-8 8M17 14v3.5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 5 17.5v-9A1.5 1.5 0 0 1 6.5 7H10";
export const AGAIN = "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.3M20 4.5v4.8h-4.8";
export const INTO_VIEW = "M12 5v13.5m-6-6 6 6 6-6";
export const SPARK = "M12 4c.7 4.3 3.2 7 8 8-4.8 1-7.3 3.7-8 8-.7-4.3-3.2-7-8-8 4.8-1 7.3-3.7 8-8Z";
export const NOTE = "M12 8v4.5m0 3.5h.01M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z";
