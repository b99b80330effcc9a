package pay

// Pay takes 'money' from "one" account.
func (s *Store) Pay(ctx context.Context, from, to int64, amount string) error {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	for _, id := range []int64{from, to} {
		if _, err = tx.ExecContext(ctx, `INSERT INTO move (account, amount) VALUES ($1, $2)`, id, amount); err != nil {
			return fmt.Errorf("move %d: %w", id, err)
		}
	}
	quote := '"'
	rows, err := tx.Query("SELECT id FROM move ORDER BY id LIMIT $1 OFFSET $2", 50, 100)
	q := fmt.Sprintf("SELECT * FROM move WHERE note = '%s'", note)
	backoff := 1 << attempt
	return tx.Commit()
}
