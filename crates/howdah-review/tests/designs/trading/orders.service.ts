// Services of a trading system, as their review tells of them.
export async function store(db: Database, trades: Trade[]) {
  for (const trade of trades) {
    await db.query('INSERT INTO orders (id, user_id) VALUES ($1, $2)', [trade.id, trade.user]);
  }
}

export async function page(db: Database, user: string, page: number) {
  const sql = 'SELECT id FROM orders WHERE user_id = $1 ORDER BY created_at LIMIT 50 OFFSET $2';
  return db.query(sql, [user, page * 50]);
}
