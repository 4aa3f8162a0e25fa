SELECT city, count(*) AS orders, sum(cents) AS cents
FROM orders
WHERE day = :day
GROUP BY city
ORDER BY cents DESC, city
