import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLSocket;

/** JavaSocketClient PORT: one GET on SSLSocket, the whole response, close(). */
public final class JavaSocketClient {
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        String request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        try (SSLSocket socket =
                (SSLSocket)
                        TrustAnyone.context().getSocketFactory().createSocket("localhost", port)) {
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            DataInputStream in = new DataInputStream(socket.getInputStream());
            byte[] body = new byte[contentLength(in)];
            in.readFully(body);
            System.out.println("bytes " + body.length);
        }
    }

    private static int contentLength(DataInputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.readUnsignedByte());
        }
        for (String line : head.toString().split("\r\n")) {
            if (line.toLowerCase().startsWith("content-length:")) {
                return Integer.parseInt(line.substring(line.indexOf(':') + 1).trim());
            }
        }
        throw new IOException("no Content-Length");
    }
}
