"""What a patient may do on a day: limits, their clearances, and work."""
