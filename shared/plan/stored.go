package plan

// Stored is p as it is kept, with everything that is needed to carry it out later.
func (p Plan) Stored() Stored { return *p.store() }

// Plan is the plan that was kept.
func (s Stored) Plan() Plan { return s.plan() }
