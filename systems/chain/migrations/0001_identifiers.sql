-- What the identifiers of the chain are made with: Keccak-256, and the mixed case of addresses.
-- PostgreSQL has SHA-3, whose padding differs; the permutation below is that of both.

create function keccak_round(lanes bigint[], constant bigint) returns bigint[]
language plpgsql immutable strict parallel safe as $$
declare
    -- Rotation of the lane at x + 5y, and where pi moves it: FIPS 202, §3.2.
    turns constant integer[] := array[0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39,
                                      41, 45, 15, 21, 8, 18, 2, 61, 56, 14];
    column_parity bigint[] := '{}';
    moved bigint[] := array_fill(0::bigint, array[25]);
    mixed bigint;
    lane bigint;
    turn integer;
begin
    for x in 0..4 loop
        column_parity[x] := lanes[x + 1] # lanes[x + 6] # lanes[x + 11] # lanes[x + 16]
                            # lanes[x + 21];
    end loop;
    for x in 0..4 loop
        lane := column_parity[(x + 1) % 5];
        mixed := column_parity[(x + 4) % 5] # ((lane << 1) | ((lane >> 63) & 1));
        for y in 0..4 loop
            lane := lanes[x + 5 * y + 1] # mixed;
            turn := turns[x + 5 * y + 1];
            if turn > 0 then
                lane := (lane << turn) | ((lane >> (64 - turn)) & ((1::bigint << turn) - 1));
            end if;
            moved[y + 5 * ((2 * x + 3 * y) % 5) + 1] := lane;
        end loop;
    end loop;
    for y in 0..4 loop
        for x in 0..4 loop
            lanes[x + 5 * y + 1] := moved[x + 5 * y + 1]
                # (~moved[(x + 1) % 5 + 5 * y + 1] & moved[(x + 2) % 5 + 5 * y + 1]);
        end loop;
    end loop;
    lanes[1] := lanes[1] # constant;
    return lanes;
end $$;
comment on function keccak_round(bigint[], bigint) is 'One round of Keccak-f[1600]';

create function keccak256(message bytea) returns bytea
language plpgsql immutable strict parallel safe as $$
declare
    rate constant integer := 136;
    constants constant bigint[] := array[
        x'0000000000000001'::bigint, x'0000000000008082'::bigint, x'800000000000808a'::bigint,
        x'8000000080008000'::bigint, x'000000000000808b'::bigint, x'0000000080000001'::bigint,
        x'8000000080008081'::bigint, x'8000000000008009'::bigint, x'000000000000008a'::bigint,
        x'0000000000000088'::bigint, x'0000000080008009'::bigint, x'000000008000000a'::bigint,
        x'000000008000808b'::bigint, x'800000000000008b'::bigint, x'8000000000008089'::bigint,
        x'8000000000008003'::bigint, x'8000000000008002'::bigint, x'8000000000000080'::bigint,
        x'000000000000800a'::bigint, x'800000008000000a'::bigint, x'8000000080008081'::bigint,
        x'8000000000008080'::bigint, x'0000000080000001'::bigint, x'8000000080008008'::bigint];
    padding constant integer := rate - length(message) % rate;
    padded bytea := message || decode(repeat('00', padding), 'hex');
    lanes bigint[] := array_fill(0::bigint, array[25]);
    digest bytea := '';
    word bytea;
begin
    -- Keccak's own padding (01 … 80), not that of SHA-3 (06 … 80).
    padded := set_byte(padded, length(message), 1);
    padded := set_byte(padded, length(padded) - 1, get_byte(padded, length(padded) - 1) | 128);
    for block in 0..length(padded) / rate - 1 loop
        for lane in 0..rate / 8 - 1 loop
            -- Lanes are little-endian.
            word := reverse_bytes(substr(padded, block * rate + lane * 8 + 1, 8));
            lanes[lane + 1] := lanes[lane + 1] # ('x' || encode(word, 'hex'))::bit(64)::bigint;
        end loop;
        for round in 1..24 loop
            lanes := keccak_round(lanes, constants[round]);
        end loop;
    end loop;
    for lane in 1..4 loop
        digest := digest || reverse_bytes(int8send(lanes[lane]));
    end loop;
    return digest;
end $$;

create function reverse_bytes(bytes bytea) returns bytea
language sql immutable strict parallel safe as $$
    select coalesce(string_agg(substr(bytes, place, 1), ''::bytea order by place desc), '')
    from generate_series(1, length(bytes)) place
$$;
comment on function keccak256(bytea) is
    'Keccak-256 as Ethereum has it; takes a millisecond or two: for display and proofs';

create function eip55(address bytea) returns text
language sql immutable strict parallel safe as $$
    select '0x' || string_agg(
        case when (get_byte(hash, (place::integer - 1) / 2) >> (4 * (place::integer % 2))) & 15 > 7
             then upper(digit) else digit end, '' order by place)
    from (select encode(address, 'hex') as digits,
                 keccak256(convert_to(encode(address, 'hex'), 'UTF8')) as hash offset 0) a,
         lateral regexp_split_to_table(digits, '') with ordinality as d (digit, place)
$$;
comment on function eip55(bytea) is 'An address as people read it: its case is its checksum';

create function hex0x(id bytea) returns text
language sql immutable strict parallel safe as $$ select '0x' || encode(id, 'hex') $$;
comment on function hex0x(bytea) is 'An id as people read it';

create function counter_term(term bytea) returns bytea
language sql immutable strict parallel safe as $$
    select keccak256(keccak256('COUNTER_SALT') || term)
$$;
comment on function counter_term(bytea) is 'The term on which people stake against a triple';

create function utf8_text(bytes bytea) returns text
language plpgsql immutable strict parallel safe as $$
begin
    return convert_from(bytes, 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
    return null;
end $$;
comment on function utf8_text(bytea) is 'The text that bytes are, null when they are none';
