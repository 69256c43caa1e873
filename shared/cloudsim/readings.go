package cloudsim

// readings are those that count now. Nobody changes what is returned.
func (c *Cloud) readings() *Readings { return c.chosen.Load() }

// Readings returns the readings that count now.
func (c *Cloud) Readings() Readings { return *c.readings() }

// SetReadings chooses other readings from now on. What was done by the former
// ones stays as it was done.
func (c *Cloud) SetReadings(readings Readings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chosen.Store(&readings)
	for _, r := range c.regions {
		r.generation++ // listings were made by the former readings
	}
}
