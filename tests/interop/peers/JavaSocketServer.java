import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import javax.net.ssl.SSLServerSocket;

/** JavaSocketServer PORT KEYSTORE PASSWORD VERSION: HTTP on SSLSocket, closed by the client. */
public final class JavaSocketServer {
    private static final byte[] BODY =
            new byte[
                    Integer.parseInt(System.getenv().getOrDefault("PEER_BODY_BYTES", "204800"))];

    public static void main(String[] args) throws Exception {
        SSLServerSocket listener =
                (SSLServerSocket)
                        JavaHttpsServer.context(args[1], args[2].toCharArray())
                                .getServerSocketFactory()
                                .createServerSocket(
                                        Integer.parseInt(args[0]),
                                        64,
                                        InetAddress.getByName("127.0.0.1"));
        listener.setEnabledProtocols(new String[] {"TLSv" + args[3]});
        while (true) {
            Socket conn = listener.accept();
            Thread serving = new Thread(() -> serve(conn));
            serving.setDaemon(true);
            serving.start();
        }
    }

    private static void serve(Socket conn) {
        try (conn) {
            BufferedReader in = new BufferedReader(new InputStreamReader(conn.getInputStream()));
            boolean keep = true;
            while (keep && in.readLine() != null) {
                for (String line = in.readLine(); line != null && !line.isEmpty(); ) {
                    keep = keep && !line.equalsIgnoreCase("Connection: close");
                    line = in.readLine();
                }
                OutputStream out = conn.getOutputStream();
                out.write(("HTTP/1.1 200 OK\r\nContent-Length: " + BODY.length + "\r\n\r\n").getBytes());
                out.write(BODY);
                out.flush();
            }
        } catch (IOException error) {
            System.out.println(error);
        }
    }
}
