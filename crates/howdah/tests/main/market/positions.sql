select desk_id, account, quantity, entry_price, realised, fees, fills from (
    with recursive f as materialized (
        select desk_id, account, price::numeric as p, fee::numeric as fee,
            case side when 'buy' then quantity else -quantity end as q,
            row_number() over (partition by desk_id, account order by executed_at, fill_id) as n
        from RAW.fills
    ), s as (
        select desk_id, account, n, q::numeric as quantity, p as entry_price, 0::numeric as realised,
            fee as fees
        from f where n = 1
        union all
        select f.desk_id, f.account, f.n, s.quantity + f.q,
            case
                when s.quantity + f.q = 0 then null
                when s.quantity = 0 then f.p
                when sign(s.quantity) = sign(f.q) then
                    round((abs(s.quantity) * s.entry_price + abs(f.q) * f.p) / abs(s.quantity + f.q), 18)
                when abs(f.q) < abs(s.quantity) then s.entry_price
                else f.p
            end,
            s.realised + case
                when s.quantity <> 0 and sign(s.quantity) <> sign(f.q) then
                    sign(s.quantity) * (f.p - s.entry_price) * least(abs(f.q), abs(s.quantity))
                else 0
            end,
            s.fees + f.fee
        from s join f using (desk_id, account)
        where f.n = s.n + 1
    )
    select s.*, n as fills, row_number() over (partition by desk_id, account order by n desc) as back
    from s
) p
where back = 1
