-- Q6: MTBF, MTTR and failures by class of machine, with the censored time; without a failure last.
select type, count(*) as machines, sum(failures) as failures, sum(operating_s) as operating_s,
    sum(operating_s) / nullif(sum(failures), 0) as mtbf_s, sum(repair_s) / nullif(sum(failures), 0) as mttr_s,
    sum(failure_s) / nullif(sum(failures), 0) as mdt_s, sum(censored_s) as censored_s
from machine_reliability
group by type
order by mtbf_s nulls last;
