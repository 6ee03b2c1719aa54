/** For tooltips of what is no button: nothing else happens there by a touch, and a phone has no pointer that rests. */
export const BY_TOUCH_TOO = { hover: true, focus: true, touch: true };
